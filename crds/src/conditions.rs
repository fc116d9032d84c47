//! Condition types, reasons, events and phases of a TranscriptionJob, spelled only here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Defines a constant for each word, and a list of all.
macro_rules! words {
    ($($(#[$what:meta])* $constant:ident = $word:literal;)*) => {
        $($(#[$what])* pub const $constant: &str = $word;)*
        /// All of them.
        pub const ALL: [&str; [$($word),*].len()] = [$($constant),*];
    };
}

/// Condition types.
pub mod types {
    /// Source and destination are reachable, and the store supports what the ledger needs.
    pub const STORAGE_READY: &str = "StorageReady";
    /// The model exists and was verified.
    pub const MODEL_READY: &str = "ModelReady";
    /// The job makes progress.
    pub const PROGRESSING: &str = "Progressing";
    /// An obstacle prevents progress.
    pub const STALLED: &str = "Stalled";
    /// The job is suspended.
    pub const SUSPENDED: &str = "Suspended";
    /// Every recording has an outcome, and at most the allowed number failed.
    pub const COMPLETE: &str = "Complete";
    /// The job will not be finished.
    pub const FAILED: &str = "Failed";

    /// All types, in the order of the status.
    pub const ALL: [&str; 7] =
        [STORAGE_READY, MODEL_READY, PROGRESSING, STALLED, SUSPENDED, COMPLETE, FAILED];
}

/// Reasons of conditions: a closed list, so that they can be metric labels.
pub mod reasons {
    words! {
        /// The store supports what is needed.
        STORAGE_AVAILABLE = "StorageAvailable";
        /// The store ignores the conditions of conditional writes, and the job does not allow that.
        CONDITIONAL_WRITES_UNSUPPORTED = "ConditionalWritesUnsupported";
        /// A store or bucket is unreachable, or the credentials are missing or refused.
        STORAGE_UNAVAILABLE = "StorageUnavailable";
        /// The model was verified.
        MODEL_VERIFIED = "ModelVerified";
        /// The model is missing, or does not match its digest.
        MODEL_UNAVAILABLE = "ModelUnavailable";
        /// No worker has checked yet.
        NOT_CHECKED = "NotChecked";
        /// Workers are requested, and none is ready yet.
        STARTING = "Starting";
        /// The recordings are being listed.
        PLANNING = "Planning";
        /// Workers transcribe.
        TRANSCRIBING = "Transcribing";
        /// Workers ended with work left, and the next ones are about to start.
        RETRYING = "Retrying";
        /// The job has ended.
        FINISHED = "Finished";
        /// `spec.suspend` is true.
        SUSPENDED_BY_SPEC = "SuspendedBySpec";
        /// `spec.suspend` is false.
        NOT_SUSPENDED = "NotSuspended";
        /// There is no obstacle.
        AS_EXPECTED = "AsExpected";
        /// No file finished for too long.
        NO_PROGRESS = "NoProgress";
        /// The scheduler cannot place a worker.
        UNSCHEDULABLE = "Unschedulable";
        /// The API server refuses pods, by a quota or an admission policy.
        QUOTA_EXCEEDED = "QuotaExceeded";
        /// The API server refuses an object of the job: a Job or a ConfigMap.
        REFUSED = "Refused";
        /// Pods cannot start, since an image, Secret or volume is missing.
        PODS_FAILING = "PodsFailing";
        /// A queue (Kueue) has not admitted the workers.
        WAITING_FOR_ADMISSION = "WaitingForAdmission";
        /// Recordings remain.
        NOT_FINISHED = "NotFinished";
        /// The job has not failed.
        NOT_FAILED = "NotFailed";
        /// Every recording has an outcome.
        ALL_FILES_DONE = "AllFilesDone";
        /// More files failed than `failurePolicy.maxFailedFiles` allows.
        TOO_MANY_FAILED_FILES = "TooManyFailedFiles";
        /// `activeDeadlineSeconds` passed.
        DEADLINE_EXCEEDED = "DeadlineExceeded";
        /// Workers failed repeatedly, with recordings left.
        WORKERS_FAILED = "WorkersFailed";
        /// The job is invalid.
        INVALID_SPEC = "InvalidSpec";
    }
}

/// Reasons of events: a closed list.
pub mod events {
    words! {
        /// The recordings were listed.
        PLANNED = "Planned";
        /// The first workers are requested.
        STARTED = "Started";
        /// Workers are requested again, by another Job.
        STARTED_AGAIN = "StartedAgain";
        /// The number of workers increased.
        SCALED_UP = "ScaledUp";
        /// The number of workers decreased.
        SCALED_DOWN = "ScaledDown";
        /// `spec.suspend` is true.
        SUSPENDED = "Suspended";
        /// `spec.suspend` is false again.
        RESUMED = "Resumed";
        /// Workers replaced their engines.
        RECYCLED = "Recycled";
        /// The operator replaces a worker.
        RESTARTED = "Restarted";
        /// The operator cannot replace a worker, since the API server refuses.
        RESTART_REFUSED = "RestartRefused";
        /// Recordings failed.
        FILES_FAILED = "FilesFailed";
        /// An obstacle prevents progress.
        STALLED = "Stalled";
        /// The obstacle is gone.
        UNSTALLED = "Unstalled";
        /// A Job of workers ended with work left, and another one follows.
        RETRYING = "Retrying";
        /// The API server refuses even the status.
        REFUSED = "Refused";
        /// Every recording has an outcome.
        COMPLETE = "Complete";
        /// The job will not be finished.
        FAILED = "Failed";
    }
}

/// Phase: a summary of the conditions for people.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Nothing has started yet.
    #[default]
    Pending,
    /// The recordings are being listed.
    Planning,
    /// Workers transcribe.
    Running,
    /// The job is suspended.
    Suspended,
    /// Every recording has an outcome.
    Complete,
    /// The job will not be finished.
    Failed,
}

impl Phase {
    /// The phase as statuses and metric labels carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Planning => "Planning",
            Self::Running => "Running",
            Self::Suspended => "Suspended",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_reasons_are_documented() {
        let page = include_str!("../../docs/conditions.md");
        for word in types::ALL.into_iter().chain(reasons::ALL) {
            let heading = format!("### {word}\n");
            let text =
                page.split_once(&heading).map(|(_, rest)| rest.split("\n#").next().unwrap_or_default());
            assert!(
                text.is_some_and(|text| text.trim().len() > 20),
                "docs/conditions.md does not explain {word}"
            );
        }
        let headings = page.lines().filter_map(|line| line.strip_prefix("### "));
        let unknown: Vec<_> =
            headings.filter(|word| !types::ALL.contains(word) && !reasons::ALL.contains(word)).collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }

    #[test]
    fn events_are_documented() {
        let page = include_str!("../../docs/conditions.md");
        let table = page.split_once("## Events\n").map(|(_, rest)| rest).unwrap_or_default();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: Vec<&str> = rows.map(|(word, _)| word).collect();
        assert_eq!(documented, events::ALL);
    }

    /// The API server refuses conditions whose type or reason has another form.
    #[test]
    fn types_and_reasons_are_distinct_words() {
        let all: Vec<&str> = types::ALL.into_iter().chain(reasons::ALL).collect();
        for word in &all {
            assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
        }
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
