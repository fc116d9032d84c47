//! `/job`: how far the whole job is. Whoever knows its ledger is asked, when somebody asks.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use verbatim_crds::contract::messages::JobProgress;

/// How far the job was when somebody looked last.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// How far.
    pub job: JobProgress,
    /// How long ago.
    pub age: Duration,
}

/// Why nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKnown {
    /// The first look is under way.
    #[error("the job is being looked at for the first time: ask again")]
    Looking,
    /// The last look came to nothing, and there is none before; in words.
    #[error("{0}")]
    Failed(String),
}

/// Knows how far the whole job is.
#[async_trait]
pub trait AskJob: Debug + Send + Sync {
    /// What was seen last, soon: nobody waits for a slow store.
    async fn ask(&self) -> Result<Seen, NotKnown>;
}

/// The one who is asked, once there is one: the server is there before the ledger is.
#[derive(Debug, Default)]
pub struct WholeJob(OnceLock<Arc<dyn AskJob>>);

impl WholeJob {
    /// From now on this one is asked.
    pub fn know(&self, asked: Arc<dyn AskJob>) {
        // A server is of one job.
        let _ = self.0.set(asked);
    }

    pub(super) async fn ask(&self) -> Result<Seen, NotKnown> {
        match self.0.get() {
            Some(asked) => asked.ask().await,
            None => Err(NotKnown::Failed(
                "there is no ledger here, or it is not open yet: /status says how far this run is".to_owned(),
            )),
        }
    }
}
