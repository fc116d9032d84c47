//! The outcomes of a shard as they are kept (`done/<shard>.json`), and the lines of the report: the same.

use serde::{Deserialize, Serialize};

use crate::claim::Done;
use crate::outcome::Outcome;
use crate::plan::file::PlannedFile;

/// Version of the layout.
pub const VERSION: u32 = 1;

/// The outcomes of a shard: written once, and final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Version of the layout.
    pub version: u32,
    /// Who wrote it: the claim's owner.
    pub owner: String,
    /// The claim's epoch.
    pub epoch: u32,
    /// A line for each file, in the order of the shard.
    pub files: Vec<Line>,
}

/// What became of a recording: a line of the report (`report.jsonl`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The recording's key in the source.
    pub key: String,
    /// The caller's name for it, where a list gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// The key of its transcript, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Record {
    /// The outcomes with the names of the files. `transcript` gives the key of a file's transcript.
    pub fn new(done: Done, files: &[PlannedFile], transcript: impl Fn(&PlannedFile) -> String) -> Self {
        let lines = files.iter().zip(done.outcomes).map(|(file, outcome)| Line {
            key: file.key.clone(),
            id: file.id.clone(),
            bytes: file.size,
            transcript: (outcome.result != crate::outcome::Verdict::Failed).then(|| transcript(file)),
            outcome,
        });
        Self { version: VERSION, owner: done.owner, epoch: done.epoch, files: lines.collect() }
    }
}

impl Line {
    /// Processing seconds per audio second; none for audio of no length.
    pub fn real_time_factor(&self) -> Option<f64> {
        let Outcome { audio_milliseconds, processing_milliseconds, .. } = self.outcome;
        (audio_milliseconds > 0).then(|| processing_milliseconds as f64 / audio_milliseconds as f64)
    }
}
