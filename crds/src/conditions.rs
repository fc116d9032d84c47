//! Condition types, reasons and phases of a TranscriptionJob: the only place where they are spelled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Types of conditions.
pub mod types {
    /// Source and destination can be reached, and the store does what the ledger needs.
    pub const STORAGE_READY: &str = "StorageReady";
    /// The model is there and was verified.
    pub const MODEL_READY: &str = "ModelReady";
    /// Work is being done.
    pub const PROGRESSING: &str = "Progressing";
    /// Work should be done and is not.
    pub const STALLED: &str = "Stalled";
    /// The job was told to wait.
    pub const SUSPENDED: &str = "Suspended";
    /// Every recording has its outcome, and few enough failed.
    pub const COMPLETE: &str = "Complete";
    /// The job will not be finished.
    pub const FAILED: &str = "Failed";

    /// Every type, in the order that a status lists them.
    pub const ALL: [&str; 7] =
        [STORAGE_READY, MODEL_READY, PROGRESSING, STALLED, SUSPENDED, COMPLETE, FAILED];
}

/// Reasons of conditions: closed, so that they can be metric labels too.
pub mod reasons {
    /// The store does what is needed.
    pub const STORAGE_AVAILABLE: &str = "StorageAvailable";
    /// The store ignores conditions on writes, and the job does not allow that.
    pub const CONDITIONAL_WRITES_UNSUPPORTED: &str = "ConditionalWritesUnsupported";
    /// The store, a bucket or the credentials are not there.
    pub const STORAGE_UNAVAILABLE: &str = "StorageUnavailable";
    /// The model was verified.
    pub const MODEL_VERIFIED: &str = "ModelVerified";
    /// The model is not there, or its digest is another.
    pub const MODEL_UNAVAILABLE: &str = "ModelUnavailable";
    /// The plan is being made.
    pub const PLANNING: &str = "Planning";
    /// Workers transcribe.
    pub const TRANSCRIBING: &str = "Transcribing";
    /// `spec.suspend` is true.
    pub const SUSPENDED_BY_SPEC: &str = "SuspendedBySpec";
    /// No file has finished for too long.
    pub const NO_PROGRESS: &str = "NoProgress";
    /// Every recording has its outcome.
    pub const ALL_FILES_DONE: &str = "AllFilesDone";
    /// More files failed than `failurePolicy.maxFailedFiles` allows.
    pub const TOO_MANY_FAILED_FILES: &str = "TooManyFailedFiles";
    /// `activeDeadlineSeconds` went by.
    pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";

    /// Every reason.
    pub const ALL: [&str; 12] = [
        STORAGE_AVAILABLE,
        CONDITIONAL_WRITES_UNSUPPORTED,
        STORAGE_UNAVAILABLE,
        MODEL_VERIFIED,
        MODEL_UNAVAILABLE,
        PLANNING,
        TRANSCRIBING,
        SUSPENDED_BY_SPEC,
        NO_PROGRESS,
        ALL_FILES_DONE,
        TOO_MANY_FAILED_FILES,
        DEADLINE_EXCEEDED,
    ];
}

/// A summary of the conditions, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing has been done yet.
    Pending,
    /// The recordings are being listed.
    Planning,
    /// Workers transcribe.
    Running,
    /// The job was told to wait.
    Suspended,
    /// Every recording has its outcome.
    Complete,
    /// The job will not be finished.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The API server refuses conditions whose type or reason is not a word of this form.
    #[test]
    fn types_and_reasons_are_words_and_differ() {
        let all: Vec<&str> = types::ALL.into_iter().chain(reasons::ALL).collect();
        for word in &all {
            assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
        }
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
