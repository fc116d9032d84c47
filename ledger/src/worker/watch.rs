//! What a worker tells while it works.

use std::fmt::Debug;
use std::time::Duration;

use super::error::WorkerError;
use super::session::Ended;
use super::steps::Steps;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::plan::file::PlannedFile;

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// So many objects of the source were listed, for a plan that this worker makes.
    Listed {
        /// Objects.
        objects: u64,
    },
    /// There is a plan.
    Planned {
        /// The plan.
        plan: &'a Plan,
        /// Whether this worker made it.
        ours: bool,
        /// Time since this worker began to look for it.
        took: Duration,
    },
    /// There is no plan, and this worker cannot make one.
    Unplanned {
        /// Why.
        error: &'a WorkerError,
        /// Time since this worker began to look for it.
        took: Duration,
    },
    /// Another worker makes the plan.
    WaitsForPlan,
    /// A shard was claimed.
    Claimed {
        /// The shard.
        shard: u32,
        /// Its owners so far.
        epoch: u32,
        /// Its files.
        files: usize,
        /// Time that it took to claim it.
        took: Duration,
    },
    /// A file was tried: it has an outcome, or goes back.
    Tried {
        /// Its shard.
        shard: u32,
        /// The file.
        file: &'a PlannedFile,
        /// Where its time went.
        steps: &'a Steps,
        /// What became of it.
        became: Became<'a>,
    },
    /// Something became of a file.
    Finished {
        /// The file.
        file: &'a PlannedFile,
        /// What.
        outcome: &'a Outcome,
    },
    /// A shard was given up: the worker cannot go on.
    Broken {
        /// The shard.
        shard: u32,
        /// Why.
        error: &'a WorkerError,
    },
    /// A shard is no longer worked on here, or was another's from the beginning.
    Ended {
        /// The shard.
        shard: u32,
        /// Why.
        ended: &'a Ended,
    },
    /// The spool holds more or less than before.
    Spooled {
        /// Recordings in it.
        files: u64,
        /// Room that they take, in bytes.
        bytes: u64,
        /// Room that there is, in bytes.
        most_bytes: u64,
    },
    /// Another was first with a shard: a request for nothing.
    Beaten {
        /// The shard.
        shard: u32,
    },
    /// All that is left is claimed by others.
    Waits {
        /// Shards that are not done.
        open: usize,
    },
}

/// What became of a file that was tried.
#[derive(Clone, Copy, Debug)]
pub enum Became<'a> {
    /// It has an outcome.
    Done(&'a Outcome),
    /// The worker was told to stop first.
    GivenBack,
    /// The worker cannot go on.
    Broken(&'a WorkerError),
}

/// Hears of what happens. It must not block.
pub trait Watch: Send + Sync + Debug {
    /// Something happened just now.
    fn hear(&self, event: &Event<'_>);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deaf;

impl Watch for Deaf {
    fn hear(&self, _: &Event<'_>) {}
}
