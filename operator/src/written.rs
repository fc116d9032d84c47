//! What this replica wrote last of a job: the watches show it a moment later, and a look in between must not do, and tell, it again.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use kube::api::ObjectMeta;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::observe::Round;

/// What was written last.
#[derive(Debug, Default)]
pub struct Written {
    status: Option<(u64, TranscriptionJobStatus)>,
    round: Option<(u64, Round)>,
}

impl Written {
    /// The status was written: this is the API server's answer.
    pub fn status(&mut self, answer: &TranscriptionJob) {
        self.status = version(&answer.metadata).zip(answer.status.clone());
    }

    /// A Job's numbers were written: this is the API server's answer.
    pub fn numbers(&mut self, answer: &Job) {
        self.round = version(&answer.metadata).map(|version| (version, Round::from(answer)));
    }

    /// The job, with its status as it was written last where the watch does not have that yet.
    pub fn over(&self, seen: Arc<TranscriptionJob>) -> Arc<TranscriptionJob> {
        match &self.status {
            Some((written, status)) if version(&seen.metadata).is_some_and(|seen| seen < *written) => {
                Arc::new(TranscriptionJob { status: Some(status.clone()), ..(*seen).clone() })
            }
            _ => seen,
        }
    }

    /// The rounds, with the one that was written last as it was written where the watch does not have that yet.
    pub fn over_rounds(&self, rounds: &mut [Round]) {
        let Some((written, round)) = &self.round else { return };
        let same =
            |seen: &&mut Round| seen.uid == round.uid && seen.version.is_some_and(|seen| seen < *written);
        if let Some(seen) = rounds.iter_mut().find(same) {
            seen.clone_from(round);
        }
    }
}

/// An object's version, where it can be compared. Kubernetes promises that it grows since 1.35; before, it did so with every API
/// server over etcd, whose revision it is.
pub fn version(metadata: &ObjectMeta) -> Option<u64> {
    metadata.resource_version.as_ref()?.parse().ok()
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
    fn what_was_written_is_seen_until_the_watch_has_it_or_more() {
        let mut written = Written::default();
        let old = Arc::new(job(7, "Running"));
        assert_eq!(written.over(Arc::clone(&old)), old);
        written.status(&job(9, "Complete"));
        assert_eq!(written.over(Arc::clone(&old)).status, job(0, "Complete").status);
        let newer = Arc::new(job(9, "Suspended"));
        assert_eq!(written.over(Arc::clone(&newer)), newer);
    }

    #[test]
    fn numbers_too() {
        let job = |version: u64, parallelism: u32| -> Job {
            serde_json::from_value(json!({
                "metadata": {"name": "calls-0", "uid": "u", "resourceVersion": version.to_string()},
                "spec": {"parallelism": parallelism, "template": {}},
            }))
            .unwrap()
        };
        let mut written = Written::default();
        written.numbers(&job(9, 3));
        let mut rounds = [Round::from(&job(8, 1)), Round { uid: "other".into(), ..Round::from(&job(1, 1)) }];
        written.over_rounds(&mut rounds);
        assert_eq!((rounds[0].parallelism, rounds[1].parallelism), (3, 1));
        let mut rounds = [Round::from(&job(10, 2))];
        written.over_rounds(&mut rounds);
        assert_eq!(rounds[0].parallelism, 2);
    }
}
