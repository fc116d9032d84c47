//! The Jobs of a TranscriptionJob: one after another, numbered from 0.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Namespace};
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::labels;

use super::Observation;
use crate::build;
use crate::context::Context;
use crate::error::Error;
use crate::written::version;

/// After so long without a pod, the Job controller is asked why. It makes pods within a second; and an event comes with the
/// first refusal.
const PODLESS: i64 = 5;

/// One Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    /// Its number.
    pub number: i32,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its version, where it can be compared.
    pub version: Option<u64>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// `spec.parallelism`.
    pub parallelism: u32,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Whether a queue (Kueue) decides when it runs.
    pub queued: bool,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Pods that run or are to run.
    pub active: u32,
    /// Pods that are ready.
    pub ready: u32,
    /// Indexes that are over, well or not: they take part in `completions` and need no pod.
    pub over: u32,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
}

/// How a Job ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Whether it failed.
    pub failed: bool,
    /// The Job controller's reason.
    pub reason: String,
    /// Its words.
    pub message: String,
}

/// The Jobs, the newest last.
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
        let over = |list: Option<&String>| list.map_or(0, |list| indexes(list));
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
            queued: job.labels().contains_key(build::QUEUE_LABEL),
            leaving: job.metadata.deletion_timestamp.is_some(),
            active: count(status.and_then(|status| status.active)),
            ready: count(status.and_then(|status| status.ready)),
            over: over(status.and_then(|status| status.completed_indexes.as_ref()))
                + over(status.and_then(|status| status.failed_indexes.as_ref())),
            ended: ended.map(|one| Ended {
                at: one.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
                failed: one.type_ == "Failed",
                reason: one.reason.clone().unwrap_or_default(),
                message: one.message.clone().unwrap_or_default(),
            }),
        }
    }
}

/// How many indexes a list names, as `1,3-5,7`.
fn indexes(list: &str) -> u32 {
    let number = |text: &str| text.parse::<u32>().ok();
    list.split(',')
        .filter_map(|part| match part.split_once('-') {
            Some((from, to)) => Some(number(to)?.saturating_sub(number(from)?) + 1),
            None => number(part).map(|_| 1),
        })
        .sum()
}

/// Asks the API server for a Job that the store does not have (yet).
pub(super) async fn ask(
    context: &Context,
    job: &TranscriptionJob,
    number: i32,
) -> Result<Option<Round>, Error> {
    let api: Api<Job> = context.namespaced(job)?;
    let name = build::job_name(&job.name_any(), number);
    let found = api.get_opt(&name).await.map_err(Error::observing("the Job"))?;
    Ok(found
        .filter(|found| found.labels().get(labels::JOB_UID) == job.uid().as_ref())
        .map(|job| Round::from(&job)))
}

/// Why there are no pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Podless {
    /// There are some, or there need not be any yet.
    #[default]
    No,
    /// The API server refuses them, in its words.
    Refused(String),
    /// The namespace is being deleted: nothing can be made in it any more.
    NamespaceEnds,
}

/// Why the Job controller makes no pods: only its events say so, and the namespace.
pub(super) async fn podless(
    context: &Context,
    job: &TranscriptionJob,
    seen: &Observation,
) -> Result<Podless, Error> {
    let Some(round) = seen.round() else { return Ok(Podless::No) };
    let young =
        round.created.is_none_or(|created| Timestamp::now().as_second() - created.as_second() < PODLESS);
    let pods = seen.workers.iter().filter(|worker| worker.round == round.number && worker.lives()).count();
    let wanted = round.parallelism.saturating_sub(round.over);
    if young || round.suspended || round.ended.is_some() || round.leaving || wanted == 0 || pods > 0 {
        return Ok(Podless::No);
    }
    if namespace_ends(context, job).await? {
        return Ok(Podless::NamespaceEnds);
    }
    let api: Api<Event> = context.namespaced(job)?;
    let about = format!("involvedObject.uid={},reason=FailedCreate", round.uid);
    let events = api.list(&ListParams::default().fields(&about)).await.map_err(Error::observing("events"))?;
    let time = |event: &Event| {
        let last =
            event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
        last.or(event.last_timestamp.as_ref().map(|time| time.0))
            .or(event.event_time.as_ref().map(|time| time.0))
    };
    let last = events.items.into_iter().max_by_key(time).and_then(|event| event.message);
    Ok(last.map_or(Podless::No, Podless::Refused))
}

/// Whether the job's namespace is being deleted. Its events would not say so: they cannot be made in it either.
async fn namespace_ends(context: &Context, job: &TranscriptionJob) -> Result<bool, Error> {
    let name = job.namespace().ok_or(Error::Nameless("namespace"))?;
    let api: Api<Namespace> = Api::all(context.client.clone());
    let found = api.get_metadata_opt(&name).await.map_err(Error::observing("the namespace"))?;
    Ok(found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_indexes_are_counted() {
        for (list, count) in [("", 0), ("0", 1), ("1,3-5,7", 5), ("0-9999", 10_000), ("x", 0)] {
            assert_eq!(indexes(list), count, "{list}");
        }
    }
}
