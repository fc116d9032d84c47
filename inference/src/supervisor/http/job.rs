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

/// Knows how far the whole job is.
#[async_trait]
pub trait AskJob: Debug + Send + Sync {
    /// Looks, or remembers the last look; why there is none, in words.
    async fn ask(&self) -> Result<Seen, String>;
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

    pub(super) async fn ask(&self) -> Result<Seen, String> {
        match self.0.get() {
            Some(asked) => asked.ask().await,
            None => {
                Err("there is no ledger here, or it is not open yet: /status says how far this run is"
                    .to_owned())
            }
        }
    }
}
