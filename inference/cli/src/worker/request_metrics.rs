//! Metrics of requests to stores.

use std::sync::Arc;
use std::time::Duration;

use verbatim_store::{ErrorKind, Operation, RequestObserver};

use verbatim_supervisor::metrics::Metrics;

/// Counts requests in the metrics, if they are served.
#[derive(Debug)]
pub struct RequestMetrics {
    metrics: Option<Arc<Metrics>>,
}

impl RequestMetrics {
    /// Counts in `metrics`, if given.
    pub fn new(metrics: Option<Arc<Metrics>>) -> Self {
        Self { metrics }
    }
}

impl RequestObserver for RequestMetrics {
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
