//! The plan: the immutable list of a job's recordings, cut into shards; made once.
//!
//! [`make()`] lists the source, says where each transcript goes, finds out which are there, cuts the recordings into
//! shards and writes them; [`draft()`] does the same without a write. Memory holds what has a fixed size for each
//! recording, and the disk the rest (`catalog.rs`).

pub mod audio;
mod catalog;
mod cut;
pub mod digest;
mod draft;
mod error;
pub mod file;
mod found;
pub mod list;
mod listing;
mod make;
mod named;
mod naming;
pub mod patterns;
mod read;
mod settle;
mod spool;
mod there;
pub mod unique_targets;

pub use self::draft::{Draft, Sources, draft};
pub use self::error::{LineProblem, PlanError};
pub use self::file::PlannedFile;
pub use self::listing::Listed;
pub use self::make::make;
pub use self::read::{read_plan, read_shard, read_shard_of};

use serde::{Deserialize, Serialize};

/// Version of the plan's layout. A worker refuses a plan that a newer one made.
pub const VERSION: u32 = 1;

/// Most recordings of a plan: 10,000 in each of 5,000 shards. Making one of so many needs 5 GB of memory.
pub const MAX_FILES: u64 = 50_000_000;

/// The plan's head (`plan.json`). Its shards are written before it: where it is, they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of the layout.
    pub version: u32,
    /// Who made it: the folder of its shards.
    pub maker: String,
    /// Recordings in all shards.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The shards, by number.
    pub shards: Vec<Shard>,
    /// What was left out while the recordings were looked for.
    pub left_out: LeftOut,
}

/// What a shard holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Recordings.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was left out while the recordings were looked for, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeftOut {
    /// Objects whose names are not those of audio or video.
    pub not_audio: u64,
    /// Objects with a name, or in a folder, that begins with a dot.
    pub hidden: u64,
    /// Objects that patterns leave out.
    pub excluded: u64,
    /// "Folders": objects whose keys end in `/`.
    pub folders: u64,
    /// Recordings that were named a second time.
    pub twice: u64,
    /// Links to a folder that contains them. Only jobs over folders count them, and those write no plan.
    #[serde(skip)]
    pub loops: u64,
}

#[cfg(test)]
mod tests;
