//! A worker, and the state that its tasks share.

use std::sync::Arc;

use super::commit::Provenance;
use super::drain::Drain;
use super::events::Listener;
use super::recording_spool::RecordingSpool;
use super::settings::Settings;
use super::transcribe::Transcribe;
use crate::keys::Ledger;
use crate::plan::{Plan, PlanInput};
use crate::report::Report;
use crate::store_location::StoreLocation;

/// Reason for which a worker stopped without an error.
#[derive(Clone, Debug, PartialEq)]
pub enum StopReason {
    /// Every shard is finished, and the report is written.
    Complete(Box<Report>),
    /// No shard can be claimed, and every claim is live: other workers do the rest.
    NothingToClaim,
    /// The worker was told to stop, and gave its shards back.
    Drained,
}

/// A worker and what it needs.
#[derive(Clone, Debug)]
pub struct Worker<'a> {
    /// Ledger of the job.
    pub ledger: Ledger,
    /// Input for the plan, if this worker has to make it.
    pub plan_input: PlanInput<'a>,
    /// Settings.
    pub settings: Settings,
    /// Transcriber.
    pub transcriber: Arc<dyn Transcribe>,
    /// Listener for events.
    pub listener: Arc<dyn Listener>,
    /// Signal to stop.
    pub drain: Drain,
}

/// State that the tasks of a worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ledger: Ledger,
    pub(super) plan: Arc<Plan>,
    pub(super) source: StoreLocation,
    pub(super) destination: StoreLocation,
    pub(super) settings: Settings,
    pub(super) provenance: Provenance,
    pub(super) spool: RecordingSpool,
    pub(super) transcriber: Arc<dyn Transcribe>,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) drain: Drain,
}
