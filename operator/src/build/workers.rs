//! The elastic Indexed Job: parallelism = completions = workers, failures counted by index.
//!
//! Made once, with `create`; later only its numbers are applied (`apply.rs`), since a Job's template cannot change. A job
//! whose template would be another one today (the operator's new image) keeps its Job until that ends.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::json;
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::{WORKER_CONTAINER, exit, labels};

use super::{BuildError, QUEUE_LABEL, job_name, owner, pod};
use crate::settings::Settings;

/// Failures of one index before it counts as failed for good. Files have attempts of their own; this bounds what kills pods
/// without regard to files: memory limits, broken nodes.
const FAILURES_PER_INDEX: i32 = 5;

/// The Job of a round.
///
/// # Errors
/// [`BuildError`].
pub fn job(job: &TranscriptionJob, settings: &Settings, round: i32, workers: u32) -> Result<Job, BuildError> {
    let own = |source| BuildError::Own { what: "the Job", source };
    let on_exit = |action: &str, code: u8| {
        let codes = json!({ "containerName": WORKER_CONTAINER, "operator": "In", "values": [code] });
        json!({ "action": action, "onExitCodes": codes })
    };
    // In order; the first that fits counts. A pod that is preempted while it drains ended for that reason.
    let rules = [
        json!({ "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] }),
        on_exit("Ignore", exit::DRAINED),
        on_exit("FailJob", exit::CONFIGURATION),
    ];
    let mut built: Job = serde_json::from_value(json!({
        "metadata": {},
        "spec": {
            "completionMode": "Indexed",
            "parallelism": workers,
            "completions": workers,
            "backoffLimitPerIndex": FAILURES_PER_INDEX,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": { "rules": rules },
            "template": pod::template(job, settings, round)?,
        },
    }))
    .map_err(own)?;
    let metadata = &mut built.metadata;
    metadata.name = Some(job_name(&job.name_any(), round));
    metadata.namespace = job.namespace();
    metadata.owner_references = owner(job).map(|owner| vec![owner]);
    let all = metadata.labels.insert(super::labels(job));
    all.insert(labels::ROUND.to_owned(), round.to_string());
    // What a queue reads is passed on; elastic, so that a change of the numbers does not send the Job back into the queue.
    let queue = |name: &&String| name.starts_with("kueue.x-k8s.io/");
    all.extend(
        job.labels()
            .iter()
            .filter(|(name, _)| queue(name))
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    if all.contains_key(QUEUE_LABEL) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert("kueue.x-k8s.io/elastic-job".to_owned(), "true".to_owned());
        if let Some(spec) = &mut built.spec {
            spec.suspend = Some(true);
        }
    }
    Ok(built)
}
