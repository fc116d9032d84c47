//! Logs: one JSON object per line, with the job, its namespace and uid, and the reconcile's number.

use tracing_subscriber::EnvFilter;

/// Writes logs to standard error. `RUST_LOG` sets the filter; the default is `info`.
pub fn init() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,kube_client=warn"));
    // Only a second call fails, and the first one has installed the same logger.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
