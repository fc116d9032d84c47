//! State that all reconciles share, and the state that each job keeps between its reconciles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use verbatim_crds::TranscriptionJob;
use verbatim_trace::Traces;

use crate::decide;
use crate::error::Error;
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::observe::scrape::Scraper;
use crate::settings::Settings;
use crate::status::recycles::RecycleTally;
use crate::watch::Stores;
use crate::write_cache::WriteCache;

/// State that all reconciles share.
pub struct Context {
    /// Client of the API server.
    pub client: Client,
    /// Settings of the operator.
    pub settings: Settings,
    /// Objects that the watches keep.
    pub stores: Stores,
    /// Client of the workers.
    pub scraper: Scraper,
    /// Permission of this replica to write.
    pub leadership: Leadership,
    /// Metrics of the operator.
    pub metrics: Arc<Metrics>,
    /// Exporter of spans.
    pub traces: Traces,
    /// Name of this replica, in events.
    pub instance: String,
    /// State of each job, by its uid.
    jobs: Mutex<HashMap<String, Arc<tokio::sync::Mutex<JobState>>>>,
    started: Instant,
}

/// State of one job between its reconciles. It is lost when the operator restarts.
#[derive(Debug, Default)]
pub struct JobState {
    /// State of the decisions.
    pub decide: decide::DecisionState,
    /// Recycled engines, by worker.
    pub recycles: RecycleTally,
    /// Last writes.
    pub writes: WriteCache,
    /// Digest of the configuration that was applied last.
    pub config: Option<String>,
    /// Consecutive failed reconciles.
    pub errors: u32,
    /// Refusal that was reported last, until a reconcile succeeds.
    pub refused: Option<String>,
    /// Time of the last event about failed files, and their number then.
    pub reported_failures: Option<(Duration, i64)>,
}

impl Context {
    /// A context without any job's state.
    pub fn new(
        client: Client,
        settings: Settings,
        stores: Stores,
        leadership: Leadership,
        metrics: Arc<Metrics>,
        traces: Traces,
        instance: String,
    ) -> Self {
        let scraper = Scraper::new(settings.scrape_timeout());
        let (jobs, started) = (Mutex::default(), Instant::now());
        Self { client, settings, stores, scraper, leadership, metrics, traces, instance, jobs, started }
    }

    /// The current time on both clocks.
    pub fn now(&self) -> decide::Now {
        decide::Now { wall: Timestamp::now(), monotonic: self.started.elapsed() }
    }

    /// API of a kind in the job's namespace.
    ///
    /// # Errors
    /// [`Error::Nameless`].
    pub fn namespaced<K>(&self, job: &TranscriptionJob) -> Result<Api<K>, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let namespace = job.namespace().ok_or(Error::Nameless("namespace"))?;
        Ok(Api::namespaced(self.client.clone(), &namespace))
    }

    /// Fails when another replica may lead.
    ///
    /// # Errors
    /// [`Error::NotLeader`].
    pub fn may_write(&self) -> Result<(), Error> {
        if self.leadership.holds() { Ok(()) } else { Err(Error::NotLeader) }
    }

    /// State of the job with this uid, new if there is none.
    pub fn job_state(&self, uid: &str) -> Arc<tokio::sync::Mutex<JobState>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(jobs.entry(uid.to_owned()).or_default())
    }

    /// Removes the state of a job.
    pub fn remove(&self, uid: &str) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
