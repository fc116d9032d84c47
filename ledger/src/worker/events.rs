//! Events of a worker, and their listener.

use std::fmt::Debug;
use std::time::Duration;

use super::error::WorkerError;
use super::timings::FileTimings;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::plan::planned_file::PlannedFile;

/// Event of a worker.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Listed objects of the source, for a plan that this worker makes.
    Listed {
        /// Number of objects so far.
        objects: u64,
    },
    /// The plan is known.
    Planned {
        /// Plan.
        plan: &'a Plan,
        /// Whether this worker made it.
        made_here: bool,
        /// Time since this worker started to look for the plan.
        took: Duration,
    },
    /// There is no plan, and this worker failed to make one.
    PlanFailed {
        /// Reason.
        error: &'a WorkerError,
        /// Time since this worker started to look for the plan.
        took: Duration,
    },
    /// Another worker is making the plan.
    WaitingForPlan,
    /// A shard was claimed.
    Claimed {
        /// Number of the shard.
        shard: u32,
        /// Number of owners so far.
        epoch: u32,
        /// Number of files.
        files: usize,
        /// Duration of the claim.
        took: Duration,
    },
    /// An attempt at a file ended, with or without an outcome.
    Attempted {
        /// Number of the shard.
        shard: u32,
        /// File.
        file: &'a PlannedFile,
        /// Timings of its steps.
        timings: &'a FileTimings,
        /// Result of the attempt.
        result: AttemptResult<'a>,
    },
    /// A file has an outcome.
    Finished {
        /// File.
        file: &'a PlannedFile,
        /// Outcome.
        outcome: &'a Outcome,
    },
    /// A session failed: the worker cannot go on.
    SessionFailed {
        /// Number of the shard.
        shard: u32,
        /// Reason.
        error: &'a WorkerError,
    },
    /// A session ended, or another worker had the shard from the start.
    SessionEnded {
        /// Number of the shard.
        shard: u32,
        /// Way in which it ended.
        end: &'a SessionEnd,
    },
    /// The usage of the spool changed.
    SpoolUsage {
        /// Recordings in the spool.
        files: u64,
        /// Bytes reserved for them.
        bytes: u64,
        /// Size of the spool in bytes.
        max_bytes: u64,
    },
    /// Another worker claimed the shard first: the request was in vain.
    LostRace {
        /// Number of the shard.
        shard: u32,
    },
    /// Other workers have all open shards.
    WaitingForOthers {
        /// Number of open shards.
        open: usize,
    },
}

/// Way in which a session ended.
#[derive(Debug)]
pub enum SessionEnd {
    /// The outcomes of the shard are recorded.
    Recorded,
    /// Another worker has the shard, or was first.
    Lost,
    /// The shard was given back.
    Released,
}

/// Result of an attempt at a file.
#[derive(Clone, Copy, Debug)]
pub enum AttemptResult<'a> {
    /// The file has an outcome.
    Finished(&'a Outcome),
    /// The worker was told to stop first.
    Interrupted,
    /// The worker cannot go on.
    Failed(&'a WorkerError),
}

/// Listener for events. It must not block.
pub trait Listener: Send + Sync + Debug {
    /// Handles an event that happened just now.
    fn on_event(&self, event: &Event<'_>);
}

/// Listener that ignores all events.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoopListener;

impl Listener for NoopListener {
    fn on_event(&self, _: &Event<'_>) {}
}
