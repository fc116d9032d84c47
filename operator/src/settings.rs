//! What the operator is told: arguments, or the environment.

use std::time::Duration;

use clap::Parser;
use k8s_openapi::api::core::v1::PodTemplateSpec;

use crate::worker_template;

/// Runs TranscriptionJobs: schedules workers, watches their figures, and says how far each job is.
///
/// It talks to the API server of its pod, or of the current kubeconfig. With several replicas one works and the others wait.
#[derive(Clone, Debug, Parser)]
#[command(name = "verbatim-operator", version, max_term_width = 100, args_override_self = true)]
pub struct Settings {
    /// Image of the workers
    #[arg(long, env = "VERBATIM_WORKER_IMAGE", value_name = "IMAGE", default_value = concat!("verbatim-worker:", env!("CARGO_PKG_VERSION")))]
    pub worker_image: String,

    /// File with a pod template (YAML) for the workers of all jobs; a job's own spec.template is laid over it
    #[arg(long, env = "VERBATIM_WORKER_TEMPLATE", value_name = "FILE", value_parser = template)]
    pub worker_template: Option<PodTemplateSpec>,

    /// Watch this namespace only; may be given several times [default: all namespaces]
    #[arg(long = "namespace", env = "VERBATIM_NAMESPACES", value_name = "NAME", value_delimiter = ',')]
    pub namespaces: Vec<String>,

    /// Serve /metrics, /healthz and /readyz here
    #[arg(long, env = "VERBATIM_HTTP", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub http: String,

    /// Seconds between two looks at the workers of a job
    // As workers renew their claims: what a look can find new comes no quicker.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub look_every: f64,

    /// Seconds in which a worker must answer
    // Its supervisor computes nothing: who takes longer is ill, or far away.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub scrape_timeout: f64,

    /// Work at once, without asking whether another replica does
    #[arg(long)]
    pub no_leader_election: bool,

    /// Namespace of the lease that replicas compete for
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAME", default_value = "default")]
    pub lease_namespace: String,

    /// Name of the lease
    #[arg(long, value_name = "NAME", default_value = "verbatim-operator")]
    pub lease_name: String,

    /// Seconds without a sign of life after which another replica takes over
    // As client-go's default.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u16).range(3..=300))]
    pub lease_seconds: u16,

    /// This replica's name [default: the host's, and a random number]
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub instance: Option<String>,

    /// Where traces go, as OpenTelemetry's own variables say: nowhere by default.
    #[arg(skip)]
    pub traces: verbatim_trace::TraceSettings,
}

fn template(file: &str) -> Result<PodTemplateSpec, String> {
    worker_template::read(file.as_ref()).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "write seconds, as 10 or 0.5".to_owned())?;
    if (0.05..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("write 0.05 to 3600 seconds".to_owned())
    }
}

impl Settings {
    /// Time between two looks at the workers of a job.
    pub fn look_every(&self) -> Duration {
        Duration::from_secs_f64(self.look_every)
    }

    /// Time in which a worker must answer.
    pub fn scrape_timeout(&self) -> Duration {
        Duration::from_secs_f64(self.scrape_timeout)
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
        // The last one counts, as with most commands: defaults of a chart can be followed by one's own.
        let twice = ["verbatim-operator", "--look-every", "1", "--look-every", "2"];
        assert!((Settings::try_parse_from(twice).unwrap().look_every - 2.0).abs() < 1e-9);
    }
}
