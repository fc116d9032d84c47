//! Tells a worker to stop: take no more, finish or give back what it has, leave.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells a worker to stop. Clones are one.
#[derive(Clone, Debug)]
pub struct Drain(Arc<watch::Sender<bool>>);

impl Default for Drain {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Drain {
    /// From now on the worker stops.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was told to stop.
    pub fn is_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is told to stop.
    pub async fn begun(&self) {
        // The sender lives as long as this does.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
