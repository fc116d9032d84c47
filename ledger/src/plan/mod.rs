//! The plan: the immutable list of a job's recordings, cut into shards; made once.

pub mod file;

use serde::{Deserialize, Serialize};

/// Version of the plan's layout. A worker refuses a plan that a newer one made.
pub const VERSION: u32 = 1;

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
}
