//! Why something about a control plane failed.

use std::io;
use std::time::Duration;

/// Why something about a control plane failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program of it cannot be run.
    #[error(
        "failed to run {program}: {source} (`scripts/setup.sh kubernetes` builds it, and `make test` puts it on PATH)"
    )]
    Run {
        /// Which.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Its files cannot be written or read.
    #[error("failed to keep the files of the control plane: {0}")]
    Files(#[from] io::Error),
    /// Its certificates cannot be made.
    #[error("failed to make certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// A program ended that should have gone on.
    #[error("{program} ended by itself; its last words:\n{log}")]
    Ended {
        /// Which.
        program: &'static str,
        /// The end of its log.
        log: String,
    },
    /// Something did not come in time.
    #[error("{what} did not come within {within:?}: {last}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// What was seen last.
        last: String,
    },
    /// A kubeconfig cannot be read.
    #[error("failed to read a kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// The API server cannot be asked, or says no.
    #[error("failed to ask the API server: {0}")]
    Api(#[source] Box<kube::Error>),
    /// kubectl says no.
    #[error("kubectl {arguments} failed: {message}")]
    Kubectl {
        /// What it was asked.
        arguments: String,
        /// What it said on its standard error.
        message: String,
    },
    /// A line of the audit log is not one.
    #[error("failed to read the audit log: {0}")]
    Audit(#[from] serde_json::Error),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}
