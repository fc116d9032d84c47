//! Writes to the API server, only while this replica leads. Client required.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Status;
use kube::{Api, ResourceExt};
use serde_json::json;
use verbatim_crds::contract::labels;
use verbatim_crds::job::{KIND, api_version};
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::context::Context;
use crate::decide::restart::Restart;
use crate::error::Error;

/// Applies under the operator's name by force: fields that others changed belong to the operator.
fn manager() -> PatchParams {
    PatchParams::apply(labels::OPERATOR).force()
}

/// Applies the workers' configuration. Without force: a ConfigMap of that name with another owner is an
/// error.
///
/// # Errors
/// [`Error`].
pub async fn config(context: &Context, job: &TranscriptionJob, config: &ConfigMap) -> Result<(), Error> {
    context.may_write()?;
    let api: Api<ConfigMap> = context.namespaced(job)?;
    let patch = Patch::Apply(config);
    let params = PatchParams::apply(labels::OPERATOR);
    match api.patch(&config.name_any(), &params, &patch).await {
        Err(kube::Error::Api(answer)) if namespace_terminates(&answer) => Ok(()),
        answer => answer.map(drop).map_err(Error::applying("the ConfigMap")),
    }
}

/// Creates a Job. An existing one is fine: the answer of an earlier attempt was lost.
///
/// # Errors
/// [`Error`].
pub async fn create(context: &Context, job: &TranscriptionJob, workers: &Job) -> Result<(), Error> {
    context.may_write()?;
    let api: Api<Job> = context.namespaced(job)?;
    let params = PostParams { field_manager: Some(labels::OPERATOR.to_owned()), ..PostParams::default() };
    match api.create(&params, workers).await {
        Err(kube::Error::Api(answer)) if answer.code == 409 || namespace_terminates(&answer) => Ok(()),
        answer => answer.map(drop).map_err(Error::applying("the Job")),
    }
}

/// Sets a Job's numbers and returns the Job. Only they are applied, since nothing else of a running Job may
/// change.
///
/// # Errors
/// [`Error`].
pub async fn set(
    context: &Context,
    job: &TranscriptionJob,
    name: &str,
    completions: u32,
    suspend: Option<bool>,
) -> Result<Job, Error> {
    context.may_write()?;
    let api: Api<Job> = context.namespaced(job)?;
    let mut spec = json!({ "parallelism": completions, "completions": completions });
    if let Some(suspend) = suspend {
        spec["suspend"] = suspend.into();
    }
    let body = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": spec });
    api.patch(name, &manager(), &Patch::Apply(body)).await.map_err(Error::applying("the Job's numbers"))
}

/// Writes the whole status: fields that are left out are removed. Returns the job if it still exists.
///
/// # Errors
/// [`Error`].
pub async fn status(
    context: &Context,
    job: &TranscriptionJob,
    status: &TranscriptionJobStatus,
) -> Result<Option<TranscriptionJob>, Error> {
    context.may_write()?;
    let api: Api<TranscriptionJob> = context.namespaced(job)?;
    let body = json!({
        "apiVersion": api_version(),
        "kind": KIND,
        "metadata": { "name": job.name_any(), "uid": job.uid() },
        "status": status,
    });
    match api.patch_status(&job.name_any(), &manager(), &Patch::Apply(body)).await {
        Err(kube::Error::Api(answer)) if gone(&answer) => Ok(None),
        answer => answer.map(Some).map_err(Error::applying("the status")),
    }
}

/// Deletes a job whose `ttlSecondsAfterFinished` has passed.
///
/// # Errors
/// [`Error`].
pub async fn delete(context: &Context, job: &TranscriptionJob) -> Result<(), Error> {
    context.may_write()?;
    let api: Api<TranscriptionJob> = context.namespaced(job)?;
    let same = Preconditions { uid: job.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(same), ..DeleteParams::background() };
    match api.delete(&job.name_any(), &params).await {
        Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => Ok(()),
        answer => answer.map(drop).map_err(Error::applying("the deletion")),
    }
}

/// Evicts a worker's pod. Its Job counts that as a disruption, not as a failure.
///
/// # Errors
/// [`Error`].
pub async fn evict(context: &Context, job: &TranscriptionJob, restart: &Restart) -> Result<(), Error> {
    context.may_write()?;
    let api: Api<Pod> = context.namespaced(job)?;
    // Not `Api::evict`: kube 5.0 sends `delete_options`, but the API server expects `deleteOptions`.
    let mut options = json!({ "preconditions": { "uid": restart.uid } });
    if let Some(seconds) = restart.reason.grace_seconds() {
        options["gracePeriodSeconds"] = seconds.into();
    }
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": restart.pod }, "deleteOptions": options,
    });
    let params = PostParams::default();
    let answer: Result<Status, kube::Error> =
        api.create_subresource("eviction", &restart.pod, &params, &eviction).await;
    match answer {
        Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => Ok(()),
        answer => answer.map(drop).map_err(Error::applying("the eviction")),
    }
}

/// Whether nothing can be created because the namespace is being deleted, and the job with it.
fn namespace_terminates(answer: &Status) -> bool {
    let causes = answer.details.iter().flat_map(|details| &details.causes);
    answer.code == 403 && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Whether the object was deleted or replaced since it was read.
fn gone(answer: &Status) -> bool {
    answer.code == 404 || (answer.code == 409 && answer.message.contains("uid"))
}
