//! Outcome of a recording.

use serde::{Deserialize, Serialize};
use verbatim_crds::contract::FailureReason;

/// Outcome of a recording, stored in its shard's claim and then in the shard's outcomes. Whole milliseconds,
/// so that records can be compared and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Result.
    pub result: FileResult,
    /// Reason of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// Reason of a failure or a skip, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Attempts by all workers.
    pub attempts: u32,
    /// Length of the audio.
    pub audio_milliseconds: u64,
    /// Time from the first byte to the last segment.
    pub processing_milliseconds: u64,
    /// Name of the worker.
    pub worker: String,
}

/// Result of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileResult {
    /// The transcript was made.
    Succeeded,
    /// The transcript existed.
    Skipped,
    /// There is no transcript, and there will be none.
    Failed,
}

impl FileResult {
    /// Name of the result in reports and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl Outcome {
    /// The transcript was made.
    pub fn succeeded(audio_milliseconds: u64, processing_milliseconds: u64) -> Self {
        Self { audio_milliseconds, processing_milliseconds, ..Self::of(FileResult::Succeeded) }
    }

    /// The transcript existed; `why` is for people.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { message: Some(why.into()), ..Self::of(FileResult::Skipped) }
    }

    /// There is no transcript, and there will be none.
    pub fn failed(reason: FailureReason, message: impl Into<String>) -> Self {
        Self { reason: Some(reason), message: Some(message.into()), ..Self::of(FileResult::Failed) }
    }

    fn of(result: FileResult) -> Self {
        Self {
            result,
            reason: None,
            message: None,
            attempts: 1,
            audio_milliseconds: 0,
            processing_milliseconds: 0,
            worker: String::new(),
        }
    }
}
