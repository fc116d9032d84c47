//! Condition types, reasons, events and phases of a TranscriptionJob: the only place where they are spelled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Makes a constant of each word, and a list of all.
macro_rules! words {
    ($($(#[$what:meta])* $constant:ident = $word:literal;)*) => {
        $($(#[$what])* pub const $constant: &str = $word;)*
        /// Every one.
        pub const ALL: [&str; [$($word),*].len()] = [$($constant),*];
    };
}

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
    words! {
        /// The store does what is needed.
        STORAGE_AVAILABLE = "StorageAvailable";
        /// The store ignores conditions on writes, and the job does not allow that.
        CONDITIONAL_WRITES_UNSUPPORTED = "ConditionalWritesUnsupported";
        /// The store, a bucket or the credentials are not there.
        STORAGE_UNAVAILABLE = "StorageUnavailable";
        /// The model was verified.
        MODEL_VERIFIED = "ModelVerified";
        /// The model is not there, or its digest is another.
        MODEL_UNAVAILABLE = "ModelUnavailable";
        /// No worker has looked yet.
        NOT_CHECKED = "NotChecked";
        /// Workers are asked for, and none is ready yet.
        STARTING = "Starting";
        /// The plan is being made.
        PLANNING = "Planning";
        /// Workers transcribe.
        TRANSCRIBING = "Transcribing";
        /// Workers ended with work left, and others are about to start.
        RETRYING = "Retrying";
        /// The job is over.
        FINISHED = "Finished";
        /// `spec.suspend` is true.
        SUSPENDED_BY_SPEC = "SuspendedBySpec";
        /// `spec.suspend` is false.
        NOT_SUSPENDED = "NotSuspended";
        /// Nothing hinders the work.
        AS_EXPECTED = "AsExpected";
        /// No file has finished for too long.
        NO_PROGRESS = "NoProgress";
        /// The scheduler finds no node for a worker.
        UNSCHEDULABLE = "Unschedulable";
        /// The API server refuses pods: a quota, or an admission rule.
        QUOTA_EXCEEDED = "QuotaExceeded";
        /// The API server refuses what the operator makes for the job: a Job, a ConfigMap.
        REFUSED = "Refused";
        /// Pods cannot start: an image, a Secret or a volume is not there.
        PODS_FAILING = "PodsFailing";
        /// A queue (Kueue) holds the workers back.
        WAITING_FOR_ADMISSION = "WaitingForAdmission";
        /// Recordings are left to do.
        NOT_FINISHED = "NotFinished";
        /// Nothing has ended the job.
        NOT_FAILED = "NotFailed";
        /// Every recording has its outcome.
        ALL_FILES_DONE = "AllFilesDone";
        /// More files failed than `failurePolicy.maxFailedFiles` allows.
        TOO_MANY_FAILED_FILES = "TooManyFailedFiles";
        /// `activeDeadlineSeconds` went by.
        DEADLINE_EXCEEDED = "DeadlineExceeded";
        /// Workers failed again and again, with recordings left.
        WORKERS_FAILED = "WorkersFailed";
        /// The job cannot be done as it is written.
        INVALID_SPEC = "InvalidSpec";
    }
}

/// Reasons of events, by which a person can follow a job: closed.
pub mod events {
    words! {
        /// The recordings were listed.
        PLANNED = "Planned";
        /// The first workers are asked for.
        STARTED = "Started";
        /// Workers are asked for again, by another Job.
        STARTED_AGAIN = "StartedAgain";
        /// More workers.
        SCALED_UP = "ScaledUp";
        /// Fewer workers.
        SCALED_DOWN = "ScaledDown";
        /// `spec.suspend` is true.
        SUSPENDED = "Suspended";
        /// `spec.suspend` is false again.
        RESUMED = "Resumed";
        /// Workers have replaced their engines.
        RECYCLED = "Recycled";
        /// The operator replaces a worker.
        RESTARTED = "Restarted";
        /// The operator would replace a worker, and must not.
        RESTART_REFUSED = "RestartRefused";
        /// Recordings have failed.
        FILES_FAILED = "FilesFailed";
        /// Something hinders the work.
        STALLED = "Stalled";
        /// Nothing hinders the work any more.
        UNSTALLED = "Unstalled";
        /// A Job of workers ended with work left, and another one follows.
        RETRYING = "Retrying";
        /// The API server refuses even the status.
        REFUSED = "Refused";
        /// Every recording has its outcome.
        COMPLETE = "Complete";
        /// The job will not be finished.
        FAILED = "Failed";
    }
}

/// A summary of the conditions, for people.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Nothing has been done yet.
    #[default]
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
    fn each_is_explained_to_people() {
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
    fn each_event_is_explained_to_people() {
        let page = include_str!("../../docs/conditions.md");
        let table = page.split_once("## Events\n").map(|(_, rest)| rest).unwrap_or_default();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let told: Vec<&str> = rows.map(|(word, _)| word).collect();
        assert_eq!(told, events::ALL);
    }

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
