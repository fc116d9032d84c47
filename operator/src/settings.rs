//! Settings of the operator: arguments and environment variables.

use std::time::Duration;

use clap::Parser;

use crate::decide::restart::RestartLimits;
use crate::worker_template::WorkerTemplate;

/// Runs TranscriptionJobs: schedules workers, monitors them, and reports each job's progress in its status.
///
/// Uses the API server of its pod or of the current kubeconfig. Of several replicas, one works and the others
/// stand by.
#[derive(Clone, Debug, Parser)]
#[command(name = "verbatim-operator", version, max_term_width = 100, args_override_self = true)]
pub struct Settings {
    /// Image of the workers
    #[arg(long, env = "VERBATIM_WORKER_IMAGE", value_name = "IMAGE", default_value = concat!("verbatim-worker:", env!("CARGO_PKG_VERSION")))]
    pub worker_image: String,

    /// File with a pod template (YAML) for the workers of all jobs; a job's own spec.template overrides it
    #[arg(long, env = "VERBATIM_WORKER_TEMPLATE", value_name = "FILE", value_parser = template)]
    pub worker_template: Option<WorkerTemplate>,

    /// Watch only this namespace; may be repeated [default: all namespaces]
    #[arg(long = "namespace", env = "VERBATIM_NAMESPACES", value_name = "NAME", value_delimiter = ',')]
    pub namespaces: Vec<String>,

    /// Address that serves /metrics, /healthz and /readyz
    #[arg(long, env = "VERBATIM_HTTP", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub http: String,

    /// Seconds between two scrapes of the workers of a job
    // The interval at which workers renew their claims: progress changes no faster.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub look_every: f64,

    /// Seconds within which a worker must answer a scrape
    // The supervisor does no heavy work: a slower answer means a fault or a slow network.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub scrape_timeout: f64,

    /// Seconds without an answer after which a worker is replaced
    // The kubelet's liveness probe of a worker (`build/container.rs`) acts after 180 s and should stay the
    // last resort.
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = seconds)]
    pub unresponsive_after: f64,

    /// Start without leader election
    #[arg(long)]
    pub no_leader_election: bool,

    /// Namespace of the lease for leader election
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAME", default_value = "default")]
    pub lease_namespace: String,

    /// Name of the lease
    #[arg(long, value_name = "NAME", default_value = "verbatim-operator")]
    pub lease_name: String,

    /// Seconds without renewal of the lease after which another replica takes over
    // The default of client-go.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u16).range(3..=300))]
    pub lease_seconds: u16,

    /// Name of this replica [default: the host name and a random number]
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub instance: Option<String>,

    /// Destination of traces, from OpenTelemetry's environment variables; none by default.
    #[arg(skip)]
    pub traces: verbatim_trace::TraceSettings,
}

fn template(file: &str) -> Result<WorkerTemplate, String> {
    WorkerTemplate::load(file.as_ref()).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds, such as 10 or 0.5".to_owned())?;
    if (0.05..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("expected 0.05 to 3600 seconds".to_owned())
    }
}

impl Settings {
    /// Time between two scrapes of the workers of a job.
    pub fn look_every(&self) -> Duration {
        Duration::from_secs_f64(self.look_every)
    }

    /// Time within which a worker must answer a scrape.
    pub fn scrape_timeout(&self) -> Duration {
        Duration::from_secs_f64(self.scrape_timeout)
    }

    /// Limits for replacing workers.
    pub fn restart_limits(&self) -> RestartLimits {
        RestartLimits { unresponsive: Duration::from_secs_f64(self.unresponsive_after) }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_well_formed() {
        Settings::command().debug_assert();
        assert!(Settings::try_parse_from(["verbatim-operator", "--look-every", "NaN"]).is_err());
        let settings = Settings::try_parse_from(["verbatim-operator", "--namespace", "a,b"]).unwrap();
        assert_eq!(settings.namespaces, ["a", "b"]);
        // The last value counts, so that extra arguments can override a chart's.
        let twice = ["verbatim-operator", "--look-every", "1", "--look-every", "2"];
        assert!((Settings::try_parse_from(twice).unwrap().look_every - 2.0).abs() < 1e-9);
    }
}
