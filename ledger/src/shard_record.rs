//! Outcomes of a shard as stored (`done/<shard>.json`), and lines of the report, which are the same.

use serde::{Deserialize, Serialize};

use crate::claim::ShardOutcomes;
use crate::outcome::Outcome;
use crate::plan::planned_file::PlannedFile;

/// Version of the format.
pub const VERSION: u32 = 1;

/// Outcomes of a shard: written once, and final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardRecord {
    /// Version of the format.
    pub version: u32,
    /// Owner of the claim when the outcomes were written.
    pub owner: String,
    /// Epoch of the claim.
    pub epoch: u32,
    /// A line for each file, in the order of the shard.
    pub files: Vec<ReportLine>,
}

/// Outcome of a recording, as a line of the report (`report.jsonl`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportLine {
    /// Key of the recording in the source.
    pub key: String,
    /// The caller's ID for the recording, if a list has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Size in bytes.
    pub bytes: u64,
    /// Key of the transcript, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// Outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl ShardRecord {
    /// Adds the names of the files to the outcomes. `transcript` returns the key of a file's transcript.
    pub fn new(
        done: ShardOutcomes,
        files: &[PlannedFile],
        transcript: impl Fn(&PlannedFile) -> String,
    ) -> Self {
        let lines = files.iter().zip(done.outcomes).map(|(file, outcome)| ReportLine {
            key: file.key.clone(),
            id: file.id.clone(),
            bytes: file.size,
            transcript: (outcome.result != crate::outcome::FileResult::Failed).then(|| transcript(file)),
            outcome,
        });
        Self { version: VERSION, owner: done.owner, epoch: done.epoch, files: lines.collect() }
    }
}

impl ReportLine {
    /// Real-time factor: processing seconds per audio second; `None` for empty audio.
    pub fn real_time_factor(&self) -> Option<f64> {
        let Outcome { audio_milliseconds, processing_milliseconds, .. } = self.outcome;
        (audio_milliseconds > 0).then(|| processing_milliseconds as f64 / audio_milliseconds as f64)
    }
}
