//! Head of a plan.

use serde::{Deserialize, Serialize};

/// Version of the plan's format. A worker refuses a plan of a newer version.
pub const VERSION: u32 = 1;

/// Most recordings of a plan: 10,000 in each of 5,000 shards. To make such a plan takes 5 GB of memory.
pub const MAX_FILES: u64 = 50_000_000;

/// Head of the plan (`plan.json`). It is written after the shards: if it exists, so do they.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of the format.
    pub version: u32,
    /// Worker that made the plan: the folder of its shards.
    pub maker: String,
    /// Recordings in all shards.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Shards, by number.
    pub shards: Vec<Shard>,
    /// Objects left out of the plan.
    pub left_out: LeftOut,
}

/// Size of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Recordings.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Numbers of objects left out of a plan, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeftOut {
    /// Objects without an audio or video extension.
    pub not_audio: u64,
    /// Objects with a name, or in a folder, that starts with a dot.
    pub hidden: u64,
    /// Objects that the patterns exclude.
    pub excluded: u64,
    /// "Folders": objects whose keys end in `/`.
    pub folders: u64,
    /// Duplicates in a list.
    pub twice: u64,
}
