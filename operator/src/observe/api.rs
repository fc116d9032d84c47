//! Questions to the API server that the watches' stores cannot answer.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Namespace};
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::labels;

use super::observation::{NoPods, Observation};
use super::rounds::Round;
use crate::build;
use crate::context::Context;
use crate::error::Error;

/// Seconds without a pod after which the cause is looked up. The Job controller creates pods within a second,
/// and its first refused attempt makes an event.
const WITHOUT_PODS: i64 = 5;

/// A Job that the store does not have (yet).
pub(super) async fn round(
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

/// Cause of missing pods. Only the Job controller's events and the namespace tell it.
pub(super) async fn no_pods(
    context: &Context,
    job: &TranscriptionJob,
    observation: &Observation,
) -> Result<NoPods, Error> {
    let Some(round) = observation.round() else { return Ok(NoPods::None) };
    let young =
        round.created.is_none_or(|created| Timestamp::now().as_second() - created.as_second() < WITHOUT_PODS);
    let pods =
        observation.workers.iter().filter(|worker| worker.round == round.number && worker.is_alive()).count();
    let wanted = round.parallelism.saturating_sub(round.finished);
    if young || round.suspended || round.ended.is_some() || round.deleting || wanted == 0 || pods > 0 {
        return Ok(NoPods::None);
    }
    if namespace_terminates(context, job).await? {
        return Ok(NoPods::NamespaceTerminating);
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
    Ok(last.map_or(NoPods::None, NoPods::Refused))
}

/// Whether the job's namespace is being deleted. Events cannot tell: they cannot be created in it either.
async fn namespace_terminates(context: &Context, job: &TranscriptionJob) -> Result<bool, Error> {
    let name = job.namespace().ok_or(Error::Nameless("namespace"))?;
    let api: Api<Namespace> = Api::all(context.client.clone());
    let found = api.get_metadata_opt(&name).await.map_err(Error::observing("the namespace"))?;
    Ok(found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()))
}
