//! What operator, worker, dashboards and alerts agree on: exit codes, messages, addresses and metric names.

mod failure;
pub mod messages;
pub mod metrics;
mod recycle;

pub use failure::FailureReason;
pub use recycle::{RecycleReason, UnknownRecycleReason};

/// Exit codes of a worker. The operator's `podFailurePolicy` is written from them.
pub mod exit {
    /// Nothing is left to claim.
    pub const DONE: u8 = 0;
    /// Some files failed; all the others are done. Of `verbatim run` and `verbatim transcribe` only.
    pub const SOME_FAILED: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// Drained: run me again (sysexits' `EX_TEMPFAIL`). Counts as no failure.
    pub const DRAINED: u8 = 75;
    /// The configuration is wrong (sysexits' `EX_CONFIG`). The job fails, since a retry would as well.
    pub const CONFIGURATION: u8 = 78;
}

/// Environment variables of a worker.
pub mod env {
    /// The job: a TranscriptionJob as JSON or YAML. For workers that are started without a file.
    pub const JOB: &str = "VERBATIM_JOB";
    /// The name that claims and reports carry: the pod's.
    pub const WORKER: &str = "VERBATIM_WORKER";
    /// File with certificates to trust besides the system's (one of the AWS SDKs' variables).
    pub const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
    /// Parent of the job's spans, as in the W3C's `traceparent` header.
    pub const TRACE_PARENT: &str = "TRACEPARENT";
}

/// What a worker serves over HTTP.
pub mod http {
    /// Its port in a pod.
    pub const PORT: u16 = 9090;
    /// Metrics for Prometheus, and for the operator.
    pub const METRICS: &str = "/metrics";
    /// How far the whole job is: [`super::messages::JobProgress`] as JSON.
    pub const JOB: &str = "/job";
    /// 200 while the supervisor is alive.
    pub const HEALTHY: &str = "/healthz";
    /// 200 while an engine takes files.
    pub const READY: &str = "/readyz";
}

/// Labels and annotations of what the operator makes.
pub mod labels {
    /// Name of the TranscriptionJob.
    pub const JOB: &str = "verbatim.dev/job";
    /// The TranscriptionJob's uid.
    pub const JOB_UID: &str = "verbatim.dev/job-uid";
    /// Which of the job's Jobs it is, from 0.
    pub const ROUND: &str = "verbatim.dev/round";
    /// Parent of the job's spans, in what workers read of the job: [`super::env::TRACE_PARENT`] of the environment comes first.
    pub const TRACE_PARENT: &str = "verbatim.dev/traceparent";
    /// Prefix of Kueue's labels, which are passed on from the TranscriptionJob to its Jobs.
    pub const KUEUE: &str = "kueue.x-k8s.io/";
    /// Kueue's annotation of a Job whose numbers may change while it is admitted.
    pub const ELASTIC: &str = "kueue.x-k8s.io/elastic-job";
    /// Kueue's label with the queue that admits a Job.
    pub const QUEUE: &str = "kueue.x-k8s.io/queue-name";
    /// Who made it (a label that Kubernetes recommends).
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// The value of [`MANAGED_BY`], and the name under which fields are applied.
    pub const OPERATOR: &str = "verbatim-operator";
}

/// File with the job that a pod's worker reads, and its key in the ConfigMap.
pub const JOB_FILE: &str = "job.json";

/// Name of the worker's container in a pod.
pub const WORKER_CONTAINER: &str = "worker";

/// File of a container that holds its termination message.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// Largest termination message of a container, in bytes. Kubernetes cuts the rest off, and half a JSON is none.
pub const TERMINATION_MESSAGE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::metrics;

    #[test]
    fn metric_names_are_ours_and_differ() {
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
