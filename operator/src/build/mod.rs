//! Kubernetes objects of a job: a ConfigMap with the resolved job, and an elastic Indexed Job. Pure and
//! infallible: whatever can be wrong with a job is found by [`crate::validate`].

pub mod config;
pub mod container;
pub mod pod;
pub mod resources;
pub mod worker_job;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::labels;

/// Name of a round's Job.
pub fn job_name(job: &str, round: i32) -> String {
    format!("{job}-{round}")
}

/// Name of the ConfigMap.
pub fn config_name(job: &str) -> String {
    format!("{job}-verbatim")
}

/// Labels of every object that is created for a job.
pub fn labels(job: &TranscriptionJob) -> BTreeMap<String, String> {
    [
        (labels::MANAGED_BY, labels::OPERATOR.to_owned()),
        (labels::JOB, job.name_any()),
        (labels::JOB_UID, job.uid().unwrap_or_default()),
        ("app.kubernetes.io/name", "verbatim".to_owned()),
        ("app.kubernetes.io/component", "worker".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Owner reference, by which an object is deleted with its job.
pub fn owner(job: &TranscriptionJob) -> Option<OwnerReference> {
    job.controller_owner_ref(&())
}
