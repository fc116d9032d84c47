//! Observers of a run: the log of engine events, and metrics and status over HTTP if they are served.

use std::sync::Arc;

use super::engine_log::EngineLog;
use crate::console::Console;
use crate::error::CommandError;
use verbatim_supervisor::engine_event::{Observer, Observers};
use verbatim_supervisor::http;
use verbatim_supervisor::http::{JobProgressSlot, JobProgressSource, Server};
use verbatim_supervisor::metrics::{Metrics, SpoolUsage};
use verbatim_supervisor::progress::Progress;
use verbatim_supervisor::status::StatusTracker;

/// Metrics and status over HTTP; served until this is dropped.
struct HttpStatus {
    metrics: Arc<Metrics>,
    status: Arc<StatusTracker>,
    job: Arc<JobProgressSlot>,
    _server: Server,
}

/// Observers of a run.
pub struct RunObservers {
    /// Log of engine events.
    pub engine_log: Arc<EngineLog>,
    http: Option<HttpStatus>,
}

impl RunObservers {
    /// Serves metrics and status on `address`, if given, from now on.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when the address cannot be served.
    pub fn new(console: &Console, address: Option<&str>) -> Result<Self, CommandError> {
        let http = match address {
            None => None,
            Some(address) => {
                let (metrics, status) = (Arc::new(Metrics::new()), Arc::new(StatusTracker::new()));
                let job = Arc::new(JobProgressSlot::default());
                let parts = (Arc::clone(&metrics), Arc::clone(&status), Arc::clone(&job));
                let server = http::serve(address, parts.0, parts.1, parts.2)
                    .map_err(|error| CommandError::usage(&error))?;
                let address = server.address();
                console.note(&format!("Serving http://{address}/metrics, /status, /job, /healthz, /readyz"));
                Some(HttpStatus { metrics, status, job, _server: server })
            }
        };
        Ok(Self { engine_log: Arc::new(EngineLog::new(console)), http })
    }

    /// The metrics, if they are served.
    pub fn metrics(&self) -> Option<Arc<Metrics>> {
        self.http.as_ref().map(|http| Arc::clone(&http.metrics))
    }

    /// All observers as one, with an additional one if given.
    pub fn observer(&self, additional: Option<Arc<dyn Observer>>) -> Arc<dyn Observer> {
        let mut all: Vec<Arc<dyn Observer>> = vec![Arc::clone(&self.engine_log) as Arc<dyn Observer>];
        if let Some(http) = &self.http {
            all.push(Arc::clone(&http.metrics) as Arc<dyn Observer>);
            all.push(Arc::clone(&http.status) as Arc<dyn Observer>);
        }
        all.extend(additional);
        Arc::new(Observers(all))
    }

    /// Sets the source of the whole job's progress, for `/job`.
    pub fn set_job_status(&self, source: Arc<dyn JobProgressSource>) {
        if let Some(http) = &self.http {
            http.job.set(source);
        }
    }

    /// Reports the content of the spool.
    pub fn spool(&self, spool: SpoolUsage) {
        if let Some(http) = &self.http {
            http.metrics.spool_usage(spool);
        }
    }

    /// Reports the progress of the run; `progress` is called only if it is served.
    pub fn progress(&self, progress: impl FnOnce() -> Progress) {
        if let Some(http) = &self.http {
            let progress = progress();
            http.metrics.progress(&progress);
            http.status.progress(progress);
        }
    }
}
