//! What a worker tells while it works.

use std::fmt::Debug;

use super::session::Ended;
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
    },
    /// Something became of a file.
    Finished {
        /// The file.
        file: &'a PlannedFile,
        /// What.
        outcome: &'a Outcome,
    },
    /// A shard is no longer worked on here.
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
