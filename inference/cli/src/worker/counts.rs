//! Requests to stores, as metrics have them.

use std::sync::Arc;
use std::time::Duration;

use verbatim_store::{ErrorKind, Operation, RequestObserver};

use verbatim_supervisor::metrics::Metrics;

/// Tells metrics of requests, where there are metrics.
#[derive(Debug)]
pub struct StoreCounts {
    metrics: Option<Arc<Metrics>>,
}

impl StoreCounts {
    /// Tells these metrics.
    pub fn new(metrics: Option<Arc<Metrics>>) -> Self {
        Self { metrics }
    }
}

impl RequestObserver for StoreCounts {
    fn on_request(&self, operation: Operation, outcome: Option<ErrorKind>, took: Duration) {
        if let Some(metrics) = &self.metrics {
            metrics.store_request(operation.as_str(), outcome.map_or("ok", ErrorKind::as_str), took);
        }
        tracing::trace!(
            operation = operation.as_str(),
            code = outcome.map_or("ok", ErrorKind::as_str),
            "request"
        );
    }
}
