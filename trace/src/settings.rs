//! What the environment says of traces, in the variables that every OpenTelemetry SDK knows.

use std::time::Duration;

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};

use crate::context::Context;

/// Where traces go: without one of these there are none.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// How they go.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// How long a batch may take, in milliseconds.
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];

/// As OpenTelemetry's specification has it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the operator hands on to workers: where traces go, and how. Not its headers, which may be a password that everyone
/// could read in the Job; nor its certificates, which are files of its own pod; nor its name and attributes, which are its own.
/// The sampling is decided once, and goes with the trace.
const HANDED_ON: [&str; 14] = [
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

/// What the environment says. By default: no traces.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    endpoint: Option<String>,
    sampler: Option<Sampler>,
    timeout: Option<Duration>,
    handed_on: Vec<(&'static str, String)>,
    /// What is set and has no effect, in words.
    problems: Vec<String>,
}

impl Settings {
    /// What this process's environment says.
    pub fn from_environment() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// What an environment says. A variable that is empty is as good as none, as the specification asks.
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
                settings.problems.push(format!("OTEL_TRACES_EXPORTER={other}: only otlp is known"));
                return settings;
            }
        }
        if let Some((name, protocol)) = first(PROTOCOLS).filter(|(_, protocol)| protocol != "grpc") {
            settings.problems.push(format!("{name}={protocol}: only grpc is spoken"));
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
        settings.handed_on = HANDED_ON.into_iter().filter_map(|name| Some((name, variable(name)?))).collect();
        settings
    }

    /// Whether there are traces.
    pub fn is_on(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The root of a job's trace, sampled as the settings say; none without traces.
    pub fn job(&self, uid: &str) -> Option<Context> {
        self.endpoint.as_ref()?;
        let root = Context::of_job(uid);
        Some(root.sampled(self.samples(root.trace)))
    }

    /// Variables for the workers of a job.
    pub fn handed_on(&self) -> &[(&'static str, String)] {
        &self.handed_on
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

    /// The endpoint for people: a name and a password in it are nobody's business.
    pub(crate) fn shown(&self) -> String {
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

/// The sampler of this name. A parent's decision always counts here, so that "parentbased" makes no difference.
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
        _ => Err(format!("OTEL_TRACES_SAMPLER={name} is not known: every trace is sampled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");

    fn read(variables: &[(&str, &str)]) -> Settings {
        Settings::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn with(variables: &[(&str, &str)]) -> Settings {
        read(&[&[ENDPOINT], variables].concat())
    }

    #[test]
    fn traces_are_off_without_an_endpoint() {
        assert!(!read(&[]).is_on() && read(&[]).problems().is_empty());
        assert!(!read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).is_on());
        assert!(!read(&[("OTEL_TRACES_SAMPLER", "always_on")]).is_on());
        assert_eq!(read(&[]).job("uid"), None);
        assert!(with(&[]).is_on());
        assert!(read(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4317")]).is_on());
    }

    #[test]
    fn the_usual_switches_turn_them_off() {
        for off in
            [("OTEL_SDK_DISABLED", "true"), ("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none")]
        {
            let settings = with(&[off]);
            assert!(!settings.is_on() && settings.problems().is_empty(), "{off:?}");
            assert_eq!((settings.job("uid"), settings.handed_on().len()), (None, 0));
        }
        assert!(with(&[("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]).is_on());
    }

    #[test]
    fn what_cannot_be_done_is_said() {
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
            assert!(settings.job("uid").unwrap().is_sampled());
        }
    }

    #[test]
    fn a_share_of_the_jobs_is_sampled_and_always_the_same() {
        let sampled = |settings: &Settings| -> Vec<bool> {
            (0..1_000).map(|job| settings.job(&format!("job-{job}")).unwrap().is_sampled()).collect()
        };
        let share =
            with(&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25")]);
        let all = sampled(&share);
        // 250 of 1,000, and five standard deviations.
        assert!((182..=318).contains(&all.iter().filter(|sampled| **sampled).count()));
        assert_eq!(sampled(&share), all);
        assert!(sampled(&with(&[])).into_iter().all(|sampled| sampled));
        let none = with(&[("OTEL_TRACES_SAMPLER", "always_off")]);
        assert!(!sampled(&none).into_iter().any(|sampled| sampled));
    }

    #[test]
    fn workers_get_the_way_and_no_secrets() {
        let settings = with(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.crt"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_SERVICE_NAME", "mine"),
            ("OTEL_TRACES_SAMPLER", "always_on"),
        ]);
        assert_eq!(settings.timeout(), Duration::from_millis(2500));
        let handed: Vec<&str> = settings.handed_on().iter().map(|(name, _)| *name).collect();
        assert_eq!(handed, ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
    }

    #[test]
    fn a_password_in_the_endpoint_is_not_shown() {
        let shown = |endpoint| read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).shown();
        assert_eq!(shown("https://me:secret@collector:4317"), "https://collector:4317");
        assert_eq!(shown("http://collector:4317"), "http://collector:4317");
    }
}
