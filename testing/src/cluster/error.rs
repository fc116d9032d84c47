//! Errors of a control plane.

use std::io;
use std::time::Duration;

/// Error of a control plane.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program of the control plane cannot be run.
    #[error(
        "failed to run {program}: {source} (`scripts/setup.sh kubernetes` builds it, and `make test` puts it on PATH)"
    )]
    Run {
        /// Name of the program.
        program: &'static str,
        /// Cause.
        source: io::Error,
    },
    /// The control plane's files cannot be written or read.
    #[error("failed to read or write the files of the control plane: {0}")]
    Files(#[from] io::Error),
    /// The certificates cannot be created.
    #[error("failed to make certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// A program exited that should have kept running.
    #[error("{program} exited; the end of its log:\n{log}")]
    Ended {
        /// Name of the program.
        program: &'static str,
        /// End of its log.
        log: String,
    },
    /// Something did not happen in time.
    #[error("timed out after {within:?} waiting for {what}: {last}")]
    Timeout {
        /// Awaited object or state.
        what: String,
        /// Time limit.
        within: Duration,
        /// Last state seen.
        last: String,
    },
    /// A kubeconfig cannot be read.
    #[error("failed to read a kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// The API server cannot be reached, or rejects the request.
    #[error("failed to ask the API server: {0}")]
    Api(#[source] Box<kube::Error>),
    /// kubectl failed.
    #[error("kubectl {arguments} failed: {message}")]
    Kubectl {
        /// Arguments of kubectl.
        arguments: String,
        /// Its standard error.
        message: String,
    },
    /// A line of the audit log is not valid.
    #[error("failed to read the audit log: {0}")]
    Audit(#[from] serde_json::Error),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}
