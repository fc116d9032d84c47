//! Last writes of this replica for a job. The watches deliver them a moment later; a reconcile in between
//! must not repeat a write or its event.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::observe::rounds::{Round, version};

/// Last writes for a job, as the API server answered them.
#[derive(Debug, Default)]
pub struct WriteCache {
    status: Option<(u64, TranscriptionJobStatus)>,
    round: Option<(u64, Round)>,
}

impl WriteCache {
    /// Records the API server's answer to a write of the status.
    pub fn record_status(&mut self, answer: &TranscriptionJob) {
        self.status = version(&answer.metadata).zip(answer.status.clone());
    }

    /// Records the API server's answer to a write of a Job's numbers.
    pub fn record_numbers(&mut self, answer: &Job) {
        self.round = version(&answer.metadata).map(|version| (version, Round::from(answer)));
    }

    /// The job, with the last written status if that is newer than the watch's.
    pub fn latest_job(&self, seen: Arc<TranscriptionJob>) -> Arc<TranscriptionJob> {
        match &self.status {
            Some((written, status)) if version(&seen.metadata).is_some_and(|seen| seen < *written) => {
                Arc::new(TranscriptionJob { status: Some(status.clone()), ..(*seen).clone() })
            }
            _ => seen,
        }
    }

    /// Replaces the round that was written last if its write is newer than the watch's.
    pub fn update_rounds(&self, rounds: &mut [Round]) {
        let Some((written, round)) = &self.round else { return };
        let same =
            |seen: &&mut Round| seen.uid == round.uid && seen.version.is_some_and(|seen| seen < *written);
        if let Some(seen) = rounds.iter_mut().find(same) {
            seen.clone_from(round);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(version: u64, phase: &str) -> TranscriptionJob {
        serde_json::from_value(json!({
            "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob",
            "metadata": {"name": "calls", "resourceVersion": version.to_string()},
            "spec": {"source": {}, "destination": {}}, "status": {"phase": phase},
        }))
        .unwrap()
    }

    #[test]
    fn written_status_holds_until_the_watch_catches_up() {
        let mut cache = WriteCache::default();
        let old = Arc::new(job(7, "Running"));
        assert_eq!(cache.latest_job(Arc::clone(&old)), old);
        cache.record_status(&job(9, "Complete"));
        assert_eq!(cache.latest_job(Arc::clone(&old)).status, job(0, "Complete").status);
        let newer = Arc::new(job(9, "Suspended"));
        assert_eq!(cache.latest_job(Arc::clone(&newer)), newer);
    }

    #[test]
    fn written_numbers_hold_until_the_watch_catches_up() {
        let job = |version: u64, parallelism: u32| -> Job {
            serde_json::from_value(json!({
                "metadata": {"name": "calls-0", "uid": "u", "resourceVersion": version.to_string()},
                "spec": {"parallelism": parallelism, "template": {}},
            }))
            .unwrap()
        };
        let mut cache = WriteCache::default();
        cache.record_numbers(&job(9, 3));
        let mut rounds = [Round::from(&job(8, 1)), Round { uid: "other".into(), ..Round::from(&job(1, 1)) }];
        cache.update_rounds(&mut rounds);
        assert_eq!((rounds[0].parallelism, rounds[1].parallelism), (3, 1));
        let mut rounds = [Round::from(&job(10, 2))];
        cache.update_rounds(&mut rounds);
        assert_eq!(rounds[0].parallelism, 2);
    }
}
