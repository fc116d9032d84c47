//! Sums of the report (`report.json`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use verbatim_crds::contract::FailureReason;
use verbatim_crds::status::MAX_FAILURES;

use crate::outcome::FileResult;
use crate::plan::{LeftOut, Plan};
use crate::shard_record::ReportLine;

/// Version of the format.
pub const VERSION: u32 = 1;

/// Sums of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of the format.
    pub version: u32,
    /// Recordings by result.
    pub files: Files,
    /// Bytes of all recordings.
    pub bytes: u64,
    /// Audio of the transcripts made.
    pub audio_milliseconds: u64,
    /// Processing time, the sum over files: several run at a time.
    pub processing_milliseconds: u64,
    /// Failed recordings by reason.
    pub failures_by_reason: BTreeMap<FailureReason, u64>,
    /// The last [`MAX_FAILURES`] failures in the order of the shards; the lines have all of them.
    pub failures: Vec<ReportLine>,
    /// Objects left out of the plan.
    pub left_out: LeftOut,
}

/// Recordings by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// All recordings.
    pub total: u64,
    /// The transcript was made.
    pub succeeded: u64,
    /// There is no transcript, and there will be none.
    pub failed: u64,
    /// The transcript existed.
    pub skipped: u64,
}

impl Report {
    /// A report without files.
    pub fn new(plan: &Plan) -> Self {
        Self { version: VERSION, left_out: plan.left_out, ..Self::default() }
    }

    /// Adds a file.
    pub fn add(&mut self, line: &ReportLine) {
        let outcome = &line.outcome;
        self.files.total += 1;
        self.bytes += line.bytes;
        self.audio_milliseconds += outcome.audio_milliseconds;
        self.processing_milliseconds += outcome.processing_milliseconds;
        match outcome.result {
            FileResult::Succeeded => self.files.succeeded += 1,
            FileResult::Skipped => self.files.skipped += 1,
            FileResult::Failed => {
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

    /// Real-time factor: processing seconds per audio second; `None` without audio.
    pub fn real_time_factor(&self) -> Option<f64> {
        (self.audio_milliseconds > 0)
            .then(|| self.processing_milliseconds as f64 / self.audio_milliseconds as f64)
    }
}
