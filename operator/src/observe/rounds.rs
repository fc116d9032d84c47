//! Rounds: the Jobs of a TranscriptionJob, one after another, numbered from 0. No I/O.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use verbatim_crds::contract::labels;

/// One Job of workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    /// Number of the round.
    pub number: i32,
    /// Name of the Job.
    pub name: String,
    /// Uid of the Job.
    pub uid: String,
    /// Resource version, if it can be compared.
    pub version: Option<u64>,
    /// Time of creation.
    pub created: Option<Timestamp>,
    /// `spec.parallelism`.
    pub parallelism: u32,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Whether a queue (Kueue) admits it.
    pub queued: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Pods that run or are about to.
    pub active: u32,
    /// Ready pods.
    pub ready: u32,
    /// Indexes that succeeded or failed: they count in `completions` and need no pod.
    pub finished: u32,
    /// End of the Job, if it has ended.
    pub ended: Option<JobEnd>,
}

/// End of a Job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobEnd {
    /// Time of the end.
    pub at: Timestamp,
    /// Whether it failed.
    pub failed: bool,
    /// The Job controller's reason.
    pub reason: String,
    /// The Job controller's message.
    pub message: String,
}

/// Rounds of a job, the newest last.
pub fn read(jobs: &[Arc<Job>]) -> Vec<Round> {
    let mut rounds: Vec<Round> = jobs.iter().map(|job| Round::from(&**job)).collect();
    rounds.sort_by_key(|round| round.number);
    rounds
}

impl From<&Job> for Round {
    fn from(job: &Job) -> Self {
        let spec = job.spec.as_ref();
        let status = job.status.as_ref();
        let count =
            |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        let finished = |list: Option<&String>| list.map_or(0, |list| indexes(list));
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let ended = conditions
            .iter()
            .find(|one| (one.type_ == "Complete" || one.type_ == "Failed") && one.status == "True");
        Self {
            number: job
                .labels()
                .get(labels::ROUND)
                .and_then(|number| number.parse().ok())
                .unwrap_or_default(),
            name: job.name_any(),
            uid: job.uid().unwrap_or_default(),
            version: version(&job.metadata),
            created: job.metadata.creation_timestamp.as_ref().map(|time| time.0),
            parallelism: count(spec.and_then(|spec| spec.parallelism)),
            suspended: spec.and_then(|spec| spec.suspend).unwrap_or_default(),
            queued: job.labels().contains_key(labels::QUEUE),
            deleting: job.metadata.deletion_timestamp.is_some(),
            active: count(status.and_then(|status| status.active)),
            ready: count(status.and_then(|status| status.ready)),
            finished: finished(status.and_then(|status| status.completed_indexes.as_ref()))
                + finished(status.and_then(|status| status.failed_indexes.as_ref())),
            ended: ended.map(|one| JobEnd {
                at: one.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
                failed: one.type_ == "Failed",
                reason: one.reason.clone().unwrap_or_default(),
                message: one.message.clone().unwrap_or_default(),
            }),
        }
    }
}

/// Number of indexes in a list like `1,3-5,7`.
fn indexes(list: &str) -> u32 {
    let number = |text: &str| text.parse::<u32>().ok();
    list.split(',')
        .filter_map(|part| match part.split_once('-') {
            Some((from, to)) => Some(number(to)?.saturating_sub(number(from)?) + 1),
            None => number(part).map(|_| 1),
        })
        .sum()
}

/// Resource version of an object as a number, if it can be compared. Kubernetes guarantees that it grows
/// since 1.35; before, it did so with every API server over etcd, whose revision it is.
pub fn version(metadata: &ObjectMeta) -> Option<u64> {
    metadata.resource_version.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_lists_are_counted() {
        for (list, count) in [("", 0), ("0", 1), ("1,3-5,7", 5), ("0-9999", 10_000), ("x", 0)] {
            assert_eq!(indexes(list), count, "{list}");
        }
    }
}
