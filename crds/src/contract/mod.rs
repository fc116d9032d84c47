//! Contract between operator, worker, dashboards and alerts: exit codes, messages, paths, labels, reasons and
//! metric names.

mod failure;
pub mod messages;
pub mod metrics;
mod recycle;

pub use failure::FailureReason;
pub use recycle::{RecycleReason, UnknownRecycleReason};

/// Exit codes of a worker. The operator builds its `podFailurePolicy` from them.
pub mod exit {
    /// Success: nothing is left to claim.
    pub const DONE: u8 = 0;
    /// Some files failed; all others are done. Only `verbatim run` and `verbatim transcribe` use it.
    pub const SOME_FAILED: u8 = 1;
    /// The command line is invalid.
    pub const USAGE: u8 = 2;
    /// Drained: start the worker again (sysexits' `EX_TEMPFAIL`). It does not count as a failure.
    pub const DRAINED: u8 = 75;
    /// The configuration is invalid (sysexits' `EX_CONFIG`). The Job fails, since a retry would fail too.
    pub const CONFIGURATION: u8 = 78;
}

/// Environment variables of a worker.
pub mod env {
    /// The job, a TranscriptionJob as JSON or YAML, for workers that are started without a file.
    pub const JOB: &str = "VERBATIM_JOB";
    /// Name of the worker in claims and reports: the pod's name.
    pub const WORKER: &str = "VERBATIM_WORKER";
    /// File with certificates to trust besides the system's (one of the AWS SDKs' variables).
    pub const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
    /// Parent of the job's spans, in the form of the W3C's `traceparent` header.
    pub const TRACE_PARENT: &str = "TRACEPARENT";
}

/// HTTP server of a worker.
pub mod http {
    /// Port in a pod.
    pub const PORT: u16 = 9090;
    /// Path of the metrics for Prometheus and the operator.
    pub const METRICS: &str = "/metrics";
    /// Path of the whole job's progress: [`super::messages::JobProgress`] as JSON.
    pub const JOB: &str = "/job";
    /// Path that answers 200 while the supervisor is alive.
    pub const HEALTHY: &str = "/healthz";
    /// Path that answers 200 while an engine takes files.
    pub const READY: &str = "/readyz";
}

/// Labels and annotations of the operator's objects.
pub mod labels {
    /// Name of the TranscriptionJob.
    pub const JOB: &str = "verbatim.dev/job";
    /// Uid of the TranscriptionJob.
    pub const JOB_UID: &str = "verbatim.dev/job-uid";
    /// Round of the Job, from 0.
    pub const ROUND: &str = "verbatim.dev/round";
    /// Parent of the job's spans, an annotation of the workers' configuration. [`super::env::TRACE_PARENT`]
    /// takes precedence.
    pub const TRACE_PARENT: &str = "verbatim.dev/traceparent";
    /// Prefix of Kueue's labels, which are passed on from the TranscriptionJob to its Jobs.
    pub const KUEUE: &str = "kueue.x-k8s.io/";
    /// Kueue's annotation of a Job whose numbers may change while it is admitted.
    pub const ELASTIC: &str = "kueue.x-k8s.io/elastic-job";
    /// Kueue's label with the queue that admits a Job.
    pub const QUEUE: &str = "kueue.x-k8s.io/queue-name";
    /// Creator of the object (a label that Kubernetes recommends).
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// Value of [`MANAGED_BY`], and field manager of the operator.
    pub const OPERATOR: &str = "verbatim-operator";
}

/// File with the job that a pod's worker reads, and its key in the ConfigMap.
pub const JOB_FILE: &str = "job.json";

/// Name of the worker's container in a pod.
pub const WORKER_CONTAINER: &str = "worker";

/// File of a container that holds its termination message.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// Largest termination message of a container in bytes. Kubernetes truncates longer ones, and truncated JSON
/// is invalid.
pub const TERMINATION_MESSAGE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::metrics;

    #[test]
    fn metric_names_have_prefix_and_differ() {
        let distinct: std::collections::BTreeSet<_> = metrics::ALL.into_iter().collect();
        assert_eq!(distinct.len(), metrics::ALL.len());
        for name in metrics::ALL {
            assert!(name.starts_with("verbatim_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        }
        for name in metrics::standard::ALL {
            assert!(name.starts_with("process_"), "{name}");
        }
    }
}
