//! Metrics for Prometheus: hears what happens, and tells it in either of two text formats.
//!
//! - `state`: sums and last values, from what happens;
//! - `histograms`: their buckets;
//! - `exposition`: each metric's name, help and values, from the state;
//! - [`format`]: which text format a scraper gets, and the older one made from the newer.
//!
//! Counters are the supervisor's: they do not go backwards when an engine is replaced. What is not there, as a GPU or
//! a limit, has no metric; what has not happened yet is 0. No label has a value from a file or an engine.

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

use crate::observe::{Happening, Observer};
use crate::progress::Progress;
use exposition::Exposition;
use format::Format;
pub use state::Spool;
use state::State;

/// All metrics of a worker.
#[derive(Debug)]
pub struct Metrics {
    state: Arc<Mutex<State>>,
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
    /// Nothing has happened yet.
    pub fn new() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Exposition(Arc::clone(&state))));
        let requests = StoreRequests::new_with_constructor(histograms::requests);
        let help = "Time of requests to the store until their answers began";
        registry.register(name::STORE_REQUEST_SECONDS, help, requests.clone());
        Self { state, registry, requests }
    }

    /// A request to a store is over: what was asked, what was answered (`ok`, or the error's kind), and the time until the
    /// answer began.
    pub fn store_request(&self, operation: &'static str, code: &'static str, took: Duration) {
        let labels = [(labels::OPERATION, operation), (labels::CODE, code)];
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// How far the run is: files that were skipped, and what remains.
    pub fn progress(&self, progress: &Progress) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).progress(progress);
    }

    /// What the spool holds.
    pub fn spooled(&self, spool: Spool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spooled(spool);
    }

    /// What a scraper gets.
    ///
    /// # Errors
    /// As writing to a text has them: never.
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
    fn observe(&self, happening: &Happening<'_>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).observe(happening);
    }
}

#[cfg(test)]
mod tests;
