//! The report's sums (`report.json`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use verbatim_crds::contract::FailureReason;
use verbatim_crds::status::MAX_FAILURES;

use crate::outcome::Verdict;
use crate::plan::{LeftOut, Plan};
use crate::record::Line;

/// Version of the layout.
pub const VERSION: u32 = 1;

/// The sums of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of the layout.
    pub version: u32,
    /// Recordings, by what became of them.
    pub files: Files,
    /// Bytes of all recordings.
    pub bytes: u64,
    /// Audio of the transcripts that were made.
    pub audio_milliseconds: u64,
    /// What they took, each file by its own clock: several run at a time.
    pub processing_milliseconds: u64,
    /// Failed recordings, by reason.
    pub failures_by_reason: BTreeMap<FailureReason, u64>,
    /// The last [`MAX_FAILURES`] failures in the order of the shards; all of them are in the lines.
    pub failures: Vec<Line>,
    /// What was left out while the recordings were looked for.
    pub left_out: LeftOut,
}

/// Recordings, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// All.
    pub total: u64,
    /// Their transcript was made.
    pub succeeded: u64,
    /// They have none, and will have none.
    pub failed: u64,
    /// Their transcript was there already.
    pub skipped: u64,
}

impl Report {
    /// The sums of no file yet.
    pub fn new(plan: &Plan) -> Self {
        Self { version: VERSION, left_out: plan.left_out, ..Self::default() }
    }

    /// Adds a file.
    pub fn add(&mut self, line: &Line) {
        let outcome = &line.outcome;
        self.files.total += 1;
        self.bytes += line.bytes;
        self.audio_milliseconds += outcome.audio_milliseconds;
        self.processing_milliseconds += outcome.processing_milliseconds;
        match outcome.result {
            Verdict::Succeeded => self.files.succeeded += 1,
            Verdict::Skipped => self.files.skipped += 1,
            Verdict::Failed => {
                self.files.failed += 1;
                if let Some(reason) = outcome.reason {
                    *self.failures_by_reason.entry(reason).or_default() += 1;
                }
                if self.failures.len() == MAX_FAILURES {
                    self.failures.remove(0);
                }
                self.failures.push(line.clone());
            }
        }
    }

    /// Processing seconds per audio second, from sums; none without audio.
    pub fn real_time_factor(&self) -> Option<f64> {
        (self.audio_milliseconds > 0)
            .then(|| self.processing_milliseconds as f64 / self.audio_milliseconds as f64)
    }
}
