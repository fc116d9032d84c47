//! Messages from worker to operator: its termination message, and the whole job's progress.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::status::FileFailure;

/// Failures that a termination message carries at least, if there are as many. `/job` has as many as a status
/// keeps ([`crate::status::MAX_FAILURES`]), and so has a message whose names and texts are short. With texts
/// cut to [`FAILURE_TEXT`] characters this many fit, unless their characters take more than a byte each; then
/// the texts are cut shorter.
pub const MIN_FAILURES: usize = 5;

/// Characters of a failure's key and of its message.
pub const FAILURE_TEXT: usize = 120;

/// Termination message of a worker's container, as JSON of at most [`super::TERMINATION_MESSAGE_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TerminationMessage {
    /// Exit code.
    pub exit: u8,
    /// Reason for the exit.
    pub left: ExitReason,
    /// Cause of an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Error message, which names the field to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Recordings that this worker transcribed.
    pub succeeded: u64,
    /// Recordings that this worker skipped, since they had a transcript.
    pub skipped: u64,
    /// Recordings that failed in this worker.
    pub failed: u64,
    /// Audio that this worker transcribed, in seconds.
    pub audio_seconds: u64,
    /// Progress of the whole job; always present with [`ExitReason::Complete`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobProgress>,
}

/// Reason for a worker's exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExitReason {
    /// The whole job is done, and this worker or another one has written its report.
    Complete,
    /// No shard could be claimed; other workers process the rest.
    NothingToClaim,
    /// The worker was told to stop, and gave back its shards.
    Drained,
    /// The worker failed.
    #[default]
    Error,
}

/// Cause of an error, which the operator reports as a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// A store or bucket is unreachable, or the credentials are missing or refused.
    StorageUnavailable,
    /// The store ignores the conditions of conditional writes.
    ConditionalWritesUnsupported,
    /// The model is missing, or does not match its digest.
    ModelUnavailable,
    /// The job is invalid.
    InvalidSpec,
    /// Any other cause.
    Internal,
}

impl Cause {
    /// The cause as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StorageUnavailable => "StorageUnavailable",
            Self::ConditionalWritesUnsupported => "ConditionalWritesUnsupported",
            Self::ModelUnavailable => "ModelUnavailable",
            Self::InvalidSpec => "InvalidSpec",
            Self::Internal => "Internal",
        }
    }
}

/// Progress of the whole job, from its ledger: the answer of a worker's `/job`, and part of a termination
/// message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobProgress {
    /// Phase.
    pub phase: LedgerPhase,
    /// All recordings.
    pub files: u64,
    /// Recordings that were transcribed.
    pub succeeded: u64,
    /// Recordings that failed for good.
    pub failed: u64,
    /// Recordings that were skipped, since they had a transcript.
    pub skipped: u64,
    /// Bytes of all recordings.
    pub bytes: u64,
    /// Bytes of the recordings with an outcome.
    pub bytes_done: u64,
    /// Bytes of the skipped recordings, which are part of `bytes_done`.
    pub bytes_skipped: u64,
    /// Further bytes that are probably done, of recordings in flight.
    pub bytes_under_way: u64,
    /// Transcribed audio in milliseconds.
    pub audio_milliseconds: u64,
    /// All shards; 0 in a termination message, whose sums come from the report.
    pub shards: u64,
    /// Finished shards.
    pub shards_done: u64,
    /// Failed recordings, by reason.
    pub failures_by_reason: BTreeMap<String, u64>,
    /// At most [`crate::status::MAX_FAILURES`] failures.
    pub failures: Vec<FileFailure>,
    /// Location of the report, once it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// Phase of a job in its ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LedgerPhase {
    /// There is no plan yet.
    #[default]
    Unplanned,
    /// There are unfinished shards.
    Running,
    /// The report is written.
    Complete,
}

impl JobProgress {
    /// Recordings without an outcome.
    pub fn remaining(&self) -> u64 {
        self.files.saturating_sub(self.succeeded + self.failed + self.skipped)
    }
}
