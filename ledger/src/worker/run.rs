//! Runs a worker: the plan first, then shards until none is left.

use std::sync::Arc;
use std::time::Instant;

use super::claim_loop;
use super::commit::Provenance;
use super::context::{Shared, StopReason, Worker};
use super::error::WorkerError;
use super::events::Event;
use super::recording_spool::RecordingSpool;

impl Worker<'_> {
    /// Runs until nothing is left to do for this worker.
    ///
    /// # Errors
    /// [`WorkerError`]. The worker has given its shards back, or their leases run out.
    pub async fn run(&self) -> Result<StopReason, WorkerError> {
        let begun = Instant::now();
        let found = match self.plan().await {
            Ok(found) => found,
            Err(error) => {
                self.listener.on_event(&Event::PlanFailed { error: &error, took: begun.elapsed() });
                return Err(error);
            }
        };
        let Some((plan, made_here)) = found else { return Ok(StopReason::Drained) };
        self.listener.on_event(&Event::Planned { plan: &plan, made_here, took: begun.elapsed() });
        let shared = Arc::new(Shared {
            ledger: self.ledger.clone(),
            plan: Arc::new(plan),
            source: self.plan_input.source.clone(),
            destination: self.plan_input.destination.clone(),
            provenance: Provenance::new(self.ledger.uid(), &self.settings),
            spool: RecordingSpool::new(&self.settings),
            settings: self.settings.clone(),
            transcriber: Arc::clone(&self.transcriber),
            listener: Arc::clone(&self.listener),
            drain: self.drain.clone(),
        });
        claim_loop::run(&shared).await
    }
}
