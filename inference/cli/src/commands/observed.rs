//! Everyone who hears of engines in a run: the terminal, and metrics and status where they are served.

use std::sync::Arc;

use crate::commands::CommandError;
use crate::commands::engines::Engines;
use crate::commands::say::Say;
use verbatim_supervisor::engine_event::{Observer, Observers};
use verbatim_supervisor::http;
use verbatim_supervisor::http::{JobProgressSlot, JobProgressSource, Server};
use verbatim_supervisor::metrics::{Metrics, SpoolUsage};
use verbatim_supervisor::progress::Progress;
use verbatim_supervisor::status::StatusTracker;

/// Metrics and status over HTTP, for as long as this lives.
struct Served {
    metrics: Arc<Metrics>,
    board: Arc<StatusTracker>,
    job: Arc<JobProgressSlot>,
    _server: Server,
}

/// The observers of a run.
pub struct Observed {
    /// The terminal's.
    pub engines: Arc<Engines>,
    served: Option<Served>,
}

impl Observed {
    /// Serves on `address`, if there is one, from now on.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when nothing can be served there.
    pub fn new(say: &Say, address: Option<&str>) -> Result<Self, CommandError> {
        let served = match address {
            None => None,
            Some(address) => {
                let (metrics, board) = (Arc::new(Metrics::new()), Arc::new(StatusTracker::new()));
                let job = Arc::new(JobProgressSlot::default());
                let parts = (Arc::clone(&metrics), Arc::clone(&board), Arc::clone(&job));
                let server = http::serve(address, parts.0, parts.1, parts.2)
                    .map_err(|error| CommandError::usage(&error))?;
                let address = server.address();
                say.note(&format!("Serving http://{address}/metrics, /status, /job, /healthz, /readyz"));
                Some(Served { metrics, board, job, _server: server })
            }
        };
        Ok(Self { engines: Arc::new(Engines::new(say)), served })
    }

    /// The metrics, where they are served.
    pub fn metrics(&self) -> Option<Arc<Metrics>> {
        self.served.as_ref().map(|served| Arc::clone(&served.metrics))
    }

    /// All of them as one, and one more.
    pub fn observer(&self, more: Option<Arc<dyn Observer>>) -> Arc<dyn Observer> {
        let mut all: Vec<Arc<dyn Observer>> = vec![Arc::clone(&self.engines) as Arc<dyn Observer>];
        if let Some(served) = &self.served {
            all.push(Arc::clone(&served.metrics) as Arc<dyn Observer>);
            all.push(Arc::clone(&served.board) as Arc<dyn Observer>);
        }
        all.extend(more);
        Arc::new(Observers(all))
    }

    /// From now on this one is asked how far the whole job is.
    pub fn ask(&self, asked: Arc<dyn JobProgressSource>) {
        if let Some(served) = &self.served {
            served.job.set(asked);
        }
    }

    /// Tells what the spool holds.
    pub fn spooled(&self, spool: SpoolUsage) {
        if let Some(served) = &self.served {
            served.metrics.spool_usage(spool);
        }
    }

    /// Tells how far the run is.
    pub fn progress(&self, progress: impl FnOnce() -> Progress) {
        if let Some(served) = &self.served {
            let progress = progress();
            served.metrics.progress(&progress);
            served.board.progress(progress);
        }
    }
}
