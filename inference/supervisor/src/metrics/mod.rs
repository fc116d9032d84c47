//! Metrics for Prometheus: an observer of events, exposed in either of two text formats.
//!
//! - `state`: sums and last values, from events;
//! - `histograms`: histograms and their buckets;
//! - `exposition`: name, help and values of each metric, from the state;
//! - [`format`]: content negotiation, and conversion to the older format.
//!
//! Counters belong to the supervisor: they do not decrease when an engine is replaced. Absent things, such as
//! a GPU or a limit, have no metric; counters of events that have not happened are 0. No label has a value
//! from a file or an engine.

mod exposition;
pub mod format;
mod histograms;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use verbatim_crds::contract::metrics::{self as name, labels};

use crate::engine_event::{EngineEvent, Observer};
use crate::progress::Progress;
use exposition::Exposition;
use format::Format;
use state::MetricsState;
pub use state::SpoolUsage;

/// All metrics of a worker.
#[derive(Debug)]
pub struct Metrics {
    state: Arc<Mutex<MetricsState>>,
    registry: Registry,
    requests: StoreRequests,
}

/// Requests to stores, by operation and code.
type StoreRequests = Family<[(&'static str, &'static str); 2], Histogram, fn() -> Histogram>;

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics before any event.
    pub fn new() -> Self {
        let state = Arc::new(Mutex::new(MetricsState::default()));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Exposition(Arc::clone(&state))));
        let requests = StoreRequests::new_with_constructor(histograms::requests);
        let help = "Time of requests to the store until the first byte of the response";
        registry.register(name::STORE_REQUEST_SECONDS, help, requests.clone());
        Self { state, registry, requests }
    }

    /// Records a request to a store: operation, result (`ok`, or the kind of the error), and time until the
    /// first byte of the response.
    pub fn store_request(&self, operation: &'static str, code: &'static str, took: Duration) {
        let labels = [(labels::OPERATION, operation), (labels::CODE, code)];
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Sets the progress of the run: skipped and remaining files.
    pub fn progress(&self, progress: &Progress) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).progress(progress);
    }

    /// Sets the use of the spool.
    pub fn spool_usage(&self, spool: SpoolUsage) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spool_usage(spool);
    }

    /// All metrics as text.
    ///
    /// # Errors
    /// Those of formatting into a string, which does not fail.
    pub fn encode(&self, format: Format) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(match format {
            Format::OpenMetrics => text,
            Format::Text => format::text_from_openmetrics(&text),
        })
    }
}

impl Observer for Metrics {
    fn observe(&self, event: &EngineEvent<'_>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).observe(event);
    }
}

#[cfg(test)]
mod tests;
