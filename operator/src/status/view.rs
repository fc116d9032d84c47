//! Input of the status.

use k8s_openapi::jiff::Timestamp;
use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};
use verbatim_crds::status::RecycleCounts;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::decide::{Decision, Ended, Outcome};
use crate::observe::observation::Observation;

/// Everything that the status is computed from.
pub struct StatusInput<'a> {
    /// The job, with its previous status.
    pub job: &'a TranscriptionJob,
    /// Problems of an invalid job.
    pub invalid: Option<String>,
    /// Observation of the job.
    pub seen: &'a Observation,
    /// Decision about the job.
    pub decision: &'a Decision,
    /// Latest progress of the job.
    pub progress: Option<&'a JobProgress>,
    /// Recycled engines so far.
    pub recycles: RecycleCounts,
    /// Whether a worker was replaced in this reconcile.
    pub restarted: bool,
    /// Current time.
    pub now: Timestamp,
}

impl StatusInput<'_> {
    /// The previous status.
    pub fn before(&self) -> TranscriptionJobStatus {
        self.job.status.clone().unwrap_or_default()
    }

    /// End of the job, if it has ended.
    pub fn end(&self) -> Option<&Ended> {
        match &self.decision.outcome {
            Outcome::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// Progress of the job, once there is a plan.
    pub fn planned_progress(&self) -> Option<&JobProgress> {
        self.progress.filter(|progress| progress.phase != LedgerPhase::Unplanned)
    }
}
