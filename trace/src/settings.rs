//! Settings of traces, from the environment variables of every OpenTelemetry SDK.

use std::time::Duration;

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};

use crate::context::TraceContext;

/// Endpoint of the collector. Without one there are no traces.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Protocol.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// Timeout of a batch in milliseconds.
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];

/// Default of the OpenTelemetry specification.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Variables that the operator passes on to workers: endpoint and export options. Excluded are the headers,
/// which may contain a password that everyone could read in the Job; the certificates, which are files of the
/// operator's pod; and the operator's own name and attributes. The sampling decision is made once and travels
/// with the trace.
const WORKER_VARIABLES: [&str; 14] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_EXPORT_TIMEOUT",
];

/// Settings of traces. By default: no traces.
#[derive(Clone, Debug, Default)]
pub struct TraceSettings {
    endpoint: Option<String>,
    sampler: Option<Sampler>,
    timeout: Option<Duration>,
    worker_variables: Vec<(&'static str, String)>,
    /// Settings without effect, as messages.
    problems: Vec<String>,
}

impl TraceSettings {
    /// Settings from this process's environment.
    pub fn from_environment() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Settings from an environment. Empty variables are ignored, as the specification demands.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| {
            let value = variable(name)?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| variable(name).map(|value| (name, value)))
        };
        let mut settings = Self::default();
        let off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let elsewhere = variable("OTEL_TRACES_EXPORTER").filter(|exporter| exporter != "otlp");
        let Some((_, endpoint)) = first(ENDPOINTS).filter(|_| !off) else { return settings };
        match elsewhere.as_deref() {
            None => {}
            Some("none") => return settings,
            Some(other) => {
                settings.problems.push(format!("OTEL_TRACES_EXPORTER={other}: only otlp is supported"));
                return settings;
            }
        }
        if let Some((name, protocol)) = first(PROTOCOLS).filter(|(_, protocol)| protocol != "grpc") {
            settings.problems.push(format!("{name}={protocol}: only grpc is supported"));
            return settings;
        }
        settings.endpoint = Some(endpoint);
        let (argument, name) = (variable("OTEL_TRACES_SAMPLER_ARG"), variable("OTEL_TRACES_SAMPLER"));
        settings.sampler = name.and_then(|name| match sampler(&name, argument.as_deref()) {
            Ok(sampler) => Some(sampler),
            Err(problem) => {
                settings.problems.push(problem);
                None
            }
        });
        settings.timeout = first(TIMEOUTS).and_then(|(_, text)| text.parse().ok()).map(Duration::from_millis);
        settings.worker_variables =
            WORKER_VARIABLES.into_iter().filter_map(|name| Some((name, variable(name)?))).collect();
        settings
    }

    /// Whether traces are on.
    pub fn is_on(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Root of a job's trace, with the sampling decision; `None` without traces.
    pub fn job_context(&self, uid: &str) -> Option<TraceContext> {
        self.endpoint.as_ref()?;
        let root = TraceContext::of_job(uid);
        Some(root.sampled(self.samples(root.trace)))
    }

    /// Variables for the workers of a job.
    pub fn worker_variables(&self) -> &[(&'static str, String)] {
        &self.worker_variables
    }

    fn samples(&self, trace: TraceId) -> bool {
        let Some(sampler) = &self.sampler else { return true };
        let decided = sampler.should_sample(None, trace, "job", &SpanKind::Internal, &[], &[]);
        decided.decision == SamplingDecision::RecordAndSample
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The endpoint for messages, without user name and password.
    pub(crate) fn display_endpoint(&self) -> String {
        let endpoint = self.endpoint.clone().unwrap_or_default();
        match endpoint.split_once("://") {
            Some((scheme, rest)) => match rest.split_once('@') {
                Some((_, host)) => format!("{scheme}://{host}"),
                None => endpoint,
            },
            None => endpoint,
        }
    }
}

/// The sampler of this name. A parent's decision always counts here, so "parentbased" makes no difference.
fn sampler(name: &str, argument: Option<&str>) -> Result<Sampler, String> {
    let ratio = || {
        let ratio = argument.and_then(|text| text.parse::<f64>().ok());
        ratio.filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| {
            format!("OTEL_TRACES_SAMPLER={name} needs OTEL_TRACES_SAMPLER_ARG, from 0 to 1: every trace is sampled")
        })
    };
    match name.strip_prefix("parentbased_").unwrap_or(name) {
        "always_on" => Ok(Sampler::AlwaysOn),
        "always_off" => Ok(Sampler::AlwaysOff),
        "traceidratio" => ratio().map(Sampler::TraceIdRatioBased),
        _ => Err(format!("OTEL_TRACES_SAMPLER={name} is not supported: every trace is sampled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");

    fn read(variables: &[(&str, &str)]) -> TraceSettings {
        TraceSettings::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn with(variables: &[(&str, &str)]) -> TraceSettings {
        read(&[&[ENDPOINT], variables].concat())
    }

    #[test]
    fn traces_are_off_without_an_endpoint() {
        assert!(!read(&[]).is_on() && read(&[]).problems().is_empty());
        assert!(!read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).is_on());
        assert!(!read(&[("OTEL_TRACES_SAMPLER", "always_on")]).is_on());
        assert_eq!(read(&[]).job_context("uid"), None);
        assert!(with(&[]).is_on());
        assert!(read(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4317")]).is_on());
    }

    #[test]
    fn the_standard_variables_turn_traces_off() {
        for off in
            [("OTEL_SDK_DISABLED", "true"), ("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none")]
        {
            let settings = with(&[off]);
            assert!(!settings.is_on() && settings.problems().is_empty(), "{off:?}");
            assert_eq!((settings.job_context("uid"), settings.worker_variables().len()), (None, 0));
        }
        assert!(with(&[("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]).is_on());
    }

    #[test]
    fn unsupported_settings_are_reported() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
        ] {
            let settings = with(&[(name, value)]);
            assert!(!settings.is_on());
            assert!(settings.problems()[0].starts_with(&format!("{name}={value}: only ")), "{settings:?}");
        }
        for sampler in [
            &[("OTEL_TRACES_SAMPLER", "xray")][..],
            &[("OTEL_TRACES_SAMPLER", "traceidratio")],
            &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "7")],
        ] {
            let settings = with(sampler);
            assert!(settings.problems()[0].ends_with("every trace is sampled"), "{settings:?}");
            assert!(settings.job_context("uid").unwrap().is_sampled());
        }
    }

    #[test]
    fn the_sampled_jobs_are_always_the_same() {
        let sampled = |settings: &TraceSettings| -> Vec<bool> {
            (0..1_000).map(|job| settings.job_context(&format!("job-{job}")).unwrap().is_sampled()).collect()
        };
        let share =
            with(&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25")]);
        let all = sampled(&share);
        // 250 of 1,000, plus or minus five standard deviations.
        assert!((182..=318).contains(&all.iter().filter(|sampled| **sampled).count()));
        assert_eq!(sampled(&share), all);
        assert!(sampled(&with(&[])).into_iter().all(|sampled| sampled));
        let none = with(&[("OTEL_TRACES_SAMPLER", "always_off")]);
        assert!(!sampled(&none).into_iter().any(|sampled| sampled));
    }

    #[test]
    fn workers_get_the_endpoint_and_no_secrets() {
        let settings = with(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.crt"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_SERVICE_NAME", "mine"),
            ("OTEL_TRACES_SAMPLER", "always_on"),
        ]);
        assert_eq!(settings.timeout(), Duration::from_millis(2500));
        let handed: Vec<&str> = settings.worker_variables().iter().map(|(name, _)| *name).collect();
        assert_eq!(handed, ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
    }

    #[test]
    fn a_password_in_the_endpoint_is_not_shown() {
        let shown = |endpoint| read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).display_endpoint();
        assert_eq!(shown("https://me:secret@collector:4317"), "https://collector:4317");
        assert_eq!(shown("http://collector:4317"), "http://collector:4317");
    }
}
