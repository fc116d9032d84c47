//! What became of a recording.

use serde::{Deserialize, Serialize};
use verbatim_crds::contract::FailureReason;

/// What became of a recording, kept in its shard's claim and then in its outcomes. Whole milliseconds, so that records
/// compare and hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// In one word.
    pub result: Verdict,
    /// Why it failed, from the closed list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// Why, in words: of failures, and of those skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Times that it was tried, by all workers.
    pub attempts: u32,
    /// Its audio.
    pub audio_milliseconds: u64,
    /// From its first byte to its last segment.
    pub processing_milliseconds: u64,
    /// The worker's name.
    pub worker: String,
}

/// What became of a recording, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Its transcript was made.
    Succeeded,
    /// Its transcript was there already.
    Skipped,
    /// It has none, and will have none.
    Failed,
}

impl Verdict {
    /// The verdict as reports and metric labels carry it.
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
        Self { audio_milliseconds, processing_milliseconds, ..Self::of(Verdict::Succeeded) }
    }

    /// The transcript was there already; `why` in words.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { message: Some(why.into()), ..Self::of(Verdict::Skipped) }
    }

    /// There is no transcript and will be none.
    pub fn failed(reason: FailureReason, message: impl Into<String>) -> Self {
        Self { reason: Some(reason), message: Some(message.into()), ..Self::of(Verdict::Failed) }
    }

    fn of(result: Verdict) -> Self {
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
