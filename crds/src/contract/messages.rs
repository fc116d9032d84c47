//! What a worker tells the operator: its termination message, and how far the whole job is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::status::FileFailure;

/// Failures that a termination message carries at least, where there are as many; a look at the job has as many as a status keeps
/// ([`crate::status::MAX_FAILURES`]), and so has a message whose names and words are short. With those cut to [`FAILURE_TEXT`] so
/// many fit, unless their letters take more than a byte each; then they are cut shorter there.
pub const FAILURES: usize = 5;

/// Characters of a failure's key and of its message.
pub const FAILURE_TEXT: usize = 120;

/// What a worker leaves as its container's termination message, as JSON of at most
/// [`super::TERMINATION_MESSAGE_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Farewell {
    /// The exit code.
    pub exit: u8,
    /// Why it left, in one word.
    pub left: Left,
    /// What is wrong, as one word of a closed list, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What is wrong, in words that name the field to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Recordings that this worker transcribed.
    pub succeeded: u64,
    /// Recordings that this worker found transcribed.
    pub skipped: u64,
    /// Recordings that failed here.
    pub failed: u64,
    /// Audio that this worker transcribed, in seconds.
    pub audio_seconds: u64,
    /// How far the whole job is: always there when [`Left::Complete`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobProgress>,
}

/// Why a worker left, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Left {
    /// The report of the whole job is written, by this worker or another one.
    Complete,
    /// Nothing could be claimed; others work on what is left.
    NothingToClaim,
    /// It was told to stop, and gave back what it had.
    Drained,
    /// Something is wrong.
    #[default]
    Error,
}

/// What is wrong, so that the operator can say it as a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// A store, a bucket or the credentials are not there, or refuse.
    StorageUnavailable,
    /// The store ignores the conditions of writes.
    ConditionalWritesUnsupported,
    /// The model is not there, or is another one than its digest says.
    ModelUnavailable,
    /// The job cannot be done as it is written.
    InvalidSpec,
    /// Anything else.
    Internal,
}

impl Cause {
    /// The cause in one word, as messages carry it.
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

/// How far the whole job is, as its ledger says: `/job` of a worker answers with it, and a farewell carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobProgress {
    /// In one word.
    pub phase: LedgerPhase,
    /// Recordings, all of them.
    pub files: u64,
    /// Their transcript was made.
    pub succeeded: u64,
    /// They have none, and will have none.
    pub failed: u64,
    /// Their transcript was there already.
    pub skipped: u64,
    /// Bytes of all recordings.
    pub bytes: u64,
    /// Bytes of those that need no more work.
    pub bytes_done: u64,
    /// Of those, bytes that were no work: their transcripts were there.
    pub bytes_skipped: u64,
    /// Bytes that are probably done beyond that.
    pub bytes_under_way: u64,
    /// Audio of the transcripts that were made, in milliseconds.
    pub audio_milliseconds: u64,
    /// Shards, all of them; 0 in a farewell, whose sums are the report's.
    pub shards: u64,
    /// Shards that are done.
    pub shards_done: u64,
    /// Failed recordings, by reason.
    pub failures_by_reason: BTreeMap<String, u64>,
    /// At most [`crate::status::MAX_FAILURES`] failures.
    pub failures: Vec<FileFailure>,
    /// Where the report is, once it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// Where a job is in its ledger, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LedgerPhase {
    /// There is no plan yet.
    #[default]
    Unplanned,
    /// Shards are open.
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
