//! Progress of the whole job, for `/job`. The owner of the ledger provides it on request.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use verbatim_crds::contract::messages::JobProgress;

/// Progress of the job as last read.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedJobProgress {
    /// The progress.
    pub job: JobProgress,
    /// Time since it was read.
    pub age: Duration,
}

/// Reason for which the progress is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobProgressError {
    /// The ledger is being read for the first time.
    #[error("the ledger is being read for the first time: try again in a second")]
    Pending,
    /// The last read failed, and none succeeded before.
    #[error("{0}")]
    Failed(String),
}

/// Source of the whole job's progress.
#[async_trait]
pub trait JobProgressSource: Debug + Send + Sync {
    /// The progress as last read. Returns soon, without waiting for a slow store.
    async fn job_progress(&self) -> Result<CachedJobProgress, JobProgressError>;
}

/// Slot for the source, since the server starts before the ledger is open.
#[derive(Debug, Default)]
pub struct JobProgressSlot(OnceLock<Arc<dyn JobProgressSource>>);

impl JobProgressSlot {
    /// Sets the source, once.
    pub fn set(&self, source: Arc<dyn JobProgressSource>) {
        // A server belongs to one job.
        let _ = self.0.set(source);
    }

    pub(super) async fn job_progress(&self) -> Result<CachedJobProgress, JobProgressError> {
        match self.0.get() {
            Some(source) => source.job_progress().await,
            None => Err(JobProgressError::Failed(
                "there is no ledger, or it is not open yet: /status shows the progress of this run"
                    .to_owned(),
            )),
        }
    }
}
