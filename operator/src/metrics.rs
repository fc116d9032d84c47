//! Metrics of the operator. Series of a job are removed with it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use verbatim_crds::TranscriptionJobStatus;
use verbatim_crds::contract::RecycleReason;
use verbatim_crds::contract::metrics::{labels, operator as name, values};

use crate::error::Error;

/// Seconds: from far below the 50 ms that a reconcile may take on its own, up to the time limits of workers
/// and API server.
const RECONCILE_BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Labels with their values.
type Labels = Vec<(&'static str, &'static str)>;

/// Metrics of the operator.
#[derive(Debug)]
pub struct Metrics {
    reconciles: Counter,
    errors: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    scrapes: Family<Labels, Counter>,
    jobs: Mutex<HashMap<String, Job>>,
    leader: Mutex<bool>,
}

/// Source of a job's series.
#[derive(Clone, Debug)]
struct Job {
    namespace: String,
    name: String,
    deadline: Option<f64>,
    status: TranscriptionJobStatus,
}

fn histogram() -> Histogram {
    Histogram::new(RECONCILE_BUCKETS)
}

impl Default for Metrics {
    fn default() -> Self {
        // Prometheus sees the first error of a step only if it has scraped a zero before.
        let errors = Family::<Labels, Counter>::default();
        for step in Error::STEPS {
            errors.get_or_create(&vec![(labels::STEP, step)]).inc_by(0);
        }
        Self {
            reconciles: Counter::default(),
            errors,
            seconds: Family::new_with_constructor(histogram),
            scrapes: Family::default(),
            jobs: Mutex::default(),
            leader: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Records a reconcile: `all` is its duration, `own` its duration without waiting for others.
    pub fn reconciled(&self, all: Duration, own: Duration) {
        self.reconciles.inc();
        for (part, time) in [(values::PART_ALL, all), (values::PART_OWN, own)] {
            self.seconds.get_or_create(&vec![(labels::PART, part)]).observe(time.as_secs_f64());
        }
    }

    /// Records a reconcile that failed in this step.
    pub fn failed(&self, step: &'static str) {
        self.errors.get_or_create(&vec![(labels::STEP, step)]).inc();
    }

    /// Records scrapes of workers.
    pub fn scraped(&self, answers: u64, failures: u64) {
        for (result, count) in [(values::RESULT_OK, answers), (values::RESULT_ERROR, failures)] {
            self.scrapes.get_or_create(&vec![(labels::RESULT, result)]).inc_by(count);
        }
    }

    /// Sets whether this replica leads.
    pub fn leads(&self, leads: bool) {
        *self.leader.lock().unwrap_or_else(PoisonError::into_inner) = leads;
    }

    /// Sets the status of a job. `deadline` is in seconds since 1970.
    pub fn job(
        &self,
        uid: &str,
        namespace: String,
        name: String,
        deadline: Option<f64>,
        status: TranscriptionJobStatus,
    ) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(uid.to_owned(), Job { namespace, name, deadline, status });
    }

    /// Removes the series of a job.
    pub fn remove(&self, uid: &str) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// The metrics page.
    ///
    /// # Errors
    /// None in practice: writing to text cannot fail.
    pub fn page(self: &Arc<Self>) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        // The library appends `_total` to the name of a counter.
        let counter = |name: &'static str| name.strip_suffix("_total").unwrap_or(name);
        registry.register(counter(name::RECONCILES_TOTAL), "Reconciles", self.reconciles.clone());
        registry.register(counter(name::RECONCILE_ERRORS_TOTAL), "Failed reconciles", self.errors.clone());
        registry.register(name::RECONCILE_SECONDS, "Duration of reconciles", self.seconds.clone());
        registry.register(counter(name::SCRAPES_TOTAL), "Scrapes of workers", self.scrapes.clone());
        registry.register_collector(Box::new(Jobs(Arc::clone(self))));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// Collects the series of jobs at each scrape.
#[derive(Debug)]
struct Jobs(Arc<Metrics>);

/// Samples of a job under one name: additional labels, and the value.
type Values = Vec<(Vec<(&'static str, String)>, f64)>;

impl Collector for Jobs {
    fn encode(&self, mut page: DescriptorEncoder) -> fmt::Result {
        let leads = *self.0.leader.lock().unwrap_or_else(PoisonError::into_inner);
        let gauge = ConstGauge::new(i64::from(leads));
        gauge.encode(page.encode_descriptor(
            name::LEADER,
            "1 while this replica leads",
            None,
            MetricType::Gauge,
        )?)?;
        let jobs = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut phases = BTreeMap::<&str, i64>::new();
        for job in jobs.values() {
            *phases.entry(job.status.phase.unwrap_or_default().as_str()).or_default() += 1;
        }
        let mut family = page.encode_descriptor(name::JOBS, "Jobs by phase", None, MetricType::Gauge)?;
        for (phase, count) in &phases {
            ConstGauge::new(*count).encode(family.encode_family(&[(labels::PHASE, *phase)])?)?;
        }
        for (name, help, values) in SERIES {
            let mut family = page.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for job in jobs.values() {
                for (more, value) in values(job) {
                    let mut all =
                        vec![(labels::NAMESPACE, job.namespace.clone()), (labels::JOB, job.name.clone())];
                    all.extend(more);
                    ConstGauge::new(value).encode(family.encode_family(&all)?)?;
                }
            }
        }
        Ok(())
    }
}

/// Reads samples from a job.
type Read = fn(&Job) -> Values;

/// Series of a job: name, help and samples.
const SERIES: [(&str, &str, Read); 13] = [
    (name::JOB_FILES, "Recordings with an outcome", |job| {
        let Some(files) = job.status.files else { return Vec::new() };
        [
            (values::SUCCEEDED, files.succeeded),
            (values::FAILED, files.failed),
            (values::SKIPPED, files.skipped),
        ]
        .map(|(outcome, count)| (vec![(labels::OUTCOME, outcome.to_owned())], count as f64))
        .into()
    }),
    (name::JOB_REMAINING_FILES, "Recordings without an outcome", |job| {
        one(job.status.files.map(|files| files.remaining as f64))
    }),
    (name::JOB_AUDIO_SECONDS, "Audio transcribed", |job| {
        one(job.status.audio_seconds.map(|audio| audio.done as f64))
    }),
    (name::JOB_REMAINING_AUDIO_SECONDS, "Audio without an outcome, estimated", |job| {
        one(job.status.audio_seconds.map(|audio| audio.remaining as f64))
    }),
    (name::JOB_REAL_TIME_FACTOR, "Worker seconds per audio second", |job| {
        one(job.status.real_time_factor.as_deref().and_then(|factor| factor.parse().ok()))
    }),
    (name::JOB_SPEED_UP_RATIO, "Audio seconds per second, all workers together", |job| {
        one(job.status.speed_up.as_deref().and_then(|speed| speed.trim_end_matches('x').parse().ok()))
    }),
    (name::JOB_WORKERS_DESIRED, "Desired workers", |job| {
        one(job.status.workers.map(|workers| workers.desired.into()))
    }),
    (name::JOB_WORKERS_READY, "Ready workers", |job| {
        one(job.status.workers.map(|workers| workers.ready.into()))
    }),
    (name::JOB_ESTIMATED_COMPLETION_TIMESTAMP_SECONDS, "Estimated time of completion", |job| {
        one(job.status.estimated_completion_time.as_ref().map(|time| time.0.as_second() as f64))
    }),
    (name::JOB_DEADLINE_TIMESTAMP_SECONDS, "Time when an unfinished job fails", |job| one(job.deadline)),
    (name::JOB_RECYCLES, "Recycled engines", |job| {
        let Some(recycles) = job.status.recycles else { return Vec::new() };
        let sample = |(reason, count): (RecycleReason, i64)| {
            (vec![(labels::REASON, reason.as_str().to_owned())], count as f64)
        };
        recycles.entries().map(sample).into()
    }),
    (name::JOB_RESTARTS, "Workers replaced by the operator", |job| {
        one(job.status.restarts.map(|count| count as f64))
    }),
    (name::JOB_CONDITION, "1 while the condition is True", |job| {
        let labels = |kind: &str, reason: &str| {
            vec![(labels::CONDITION, kind.to_owned()), (labels::REASON, reason.to_owned())]
        };
        let all = job.status.conditions.iter();
        all.map(|one| (labels(&one.type_, &one.reason), f64::from(u8::from(one.status == "True")))).collect()
    }),
];

fn one(value: Option<f64>) -> Values {
    value.map(|value| (Vec::new(), value)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_on_the_page_and_series_go_with_their_job() {
        let metrics = Arc::new(Metrics::default());
        metrics.reconciled(Duration::from_millis(3), Duration::from_millis(1));
        let none = metrics.page().unwrap();
        for step in Error::STEPS {
            assert!(
                none.contains(&format!("verbatim_operator_reconcile_errors_total{{step=\"{step}\"}} 0")),
                "{none}"
            );
        }
        metrics.failed("apply");
        metrics.scraped(1, 0);
        let status: TranscriptionJobStatus = serde_json::from_value(serde_json::json!({
            "phase": "Running",
            "files": {"total": 9, "succeeded": 3, "failed": 1, "skipped": 0, "remaining": 5},
            "audioSeconds": {"done": 10, "remaining": 20},
            "realTimeFactor": "0.01", "speedUp": "100x", "workers": {"desired": 2, "ready": 1},
            "estimatedCompletionTime": "2026-11-23T10:20:00Z", "recycles": {}, "restarts": 0,
            "conditions": [{"type": "Complete", "status": "False", "reason": "NotFinished", "message": "",
                "lastTransitionTime": "2026-11-23T10:20:00Z"}],
        }))
        .unwrap();
        metrics.job("u", "calls".into(), "first".into(), Some(1.0), status);
        let page = metrics.page().unwrap();
        for name in name::ALL {
            assert!(page.lines().any(|line| line.starts_with(name)), "{name} is missing in\n{page}");
        }
        assert!(
            page.contains(
                r#"verbatim_job_files{job_namespace="calls",job_name="first",outcome="succeeded"} 3"#
            ),
            "{page}"
        );
        metrics.remove("u");
        assert!(!metrics.page().unwrap().contains("first"));
    }
}
