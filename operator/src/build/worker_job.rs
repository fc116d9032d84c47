//! The elastic Indexed Job: parallelism = completions = workers, with failures counted by index.
//!
//! The Job is created once; later only its numbers are applied (`apply.rs`), since a Job's template cannot
//! change. When the template would differ today (the operator has a new image), the current Job keeps its
//! template until it ends.

use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use kube::ResourceExt;
use kube::api::ObjectMeta;
use verbatim_crds::contract::{WORKER_CONTAINER, exit, labels};

use super::{job_name, owner, pod};
use crate::settings::Settings;
use crate::validate::ValidJob;

/// Failures of one index before it counts as failed for good. Files have attempts of their own; this bounds
/// failures that have nothing to do with a file: memory limits, broken nodes.
const FAILURES_PER_INDEX: i32 = 5;

/// The Job of a round.
pub fn build(job: &ValidJob<'_>, settings: &Settings, round: i32, workers: u32) -> Job {
    let count = i32::try_from(workers).unwrap_or(i32::MAX);
    let mut spec = JobSpec {
        completion_mode: Some("Indexed".to_owned()),
        parallelism: Some(count),
        completions: Some(count),
        backoff_limit_per_index: Some(FAILURES_PER_INDEX),
        pod_replacement_policy: Some("Failed".to_owned()),
        pod_failure_policy: Some(failure_policy()),
        template: pod::build(job, settings, round),
        ..JobSpec::default()
    };
    let job = job.job();
    let mut all = super::labels(job);
    all.insert(labels::ROUND.to_owned(), round.to_string());
    // Labels of Kueue are passed on. The Job is elastic, so that a change of its numbers does not send it
    // back into the queue.
    let kueue = |name: &&String| name.starts_with(labels::KUEUE);
    all.extend(
        job.labels()
            .iter()
            .filter(|(name, _)| kueue(name))
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let queued = all.contains_key(labels::QUEUE);
    spec.suspend = queued.then_some(true);
    Job {
        metadata: ObjectMeta {
            name: Some(job_name(&job.name_any(), round)),
            namespace: job.namespace(),
            owner_references: owner(job).map(|owner| vec![owner]),
            annotations: queued.then(|| [(labels::ELASTIC.to_owned(), "true".to_owned())].into()),
            labels: Some(all),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        ..Job::default()
    }
}

/// The rules apply in order; the first match counts. A pod that is preempted while it drains was ended by the
/// preemption.
fn failure_policy() -> PodFailurePolicy {
    let on_exit = |action: &str, code: u8| PodFailurePolicyRule {
        action: action.to_owned(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: Some(WORKER_CONTAINER.to_owned()),
            operator: "In".to_owned(),
            values: vec![code.into()],
        }),
        on_pod_conditions: None,
    };
    let disrupted = PodFailurePolicyOnPodConditionsPattern {
        status: "True".to_owned(),
        type_: "DisruptionTarget".to_owned(),
    };
    let disruption = PodFailurePolicyRule {
        action: "Ignore".to_owned(),
        on_pod_conditions: Some(vec![disrupted]),
        on_exit_codes: None,
    };
    let rules = vec![disruption, on_exit("Ignore", exit::DRAINED), on_exit("FailJob", exit::CONFIGURATION)];
    PodFailurePolicy { rules }
}
