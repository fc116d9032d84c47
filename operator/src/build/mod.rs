//! What is made for a job: a ConfigMap with the resolved job, and an elastic Indexed Job.

pub mod config;
pub mod pod;
pub mod resources;
pub mod workers;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::labels;

/// The label with which Kueue takes a Job into a queue. It is passed on from the TranscriptionJob.
pub const QUEUE_LABEL: &str = "kueue.x-k8s.io/queue-name";

/// A job that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The template is no pod template.
    #[error("spec.template is no pod template: {0}")]
    Template(#[source] serde_json::Error),
    /// The template takes away what the operator needs.
    #[error("spec.template: {0}")]
    Refused(&'static str),
    /// A part of ours is not of its type, which a test should have seen.
    #[error("failed to build {what}: {source}")]
    Own {
        /// What.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

/// Name of a round's Job.
pub fn job_name(job: &str, round: i32) -> String {
    format!("{job}-{round}")
}

/// Name of the ConfigMap.
pub fn config_name(job: &str) -> String {
    format!("{job}-verbatim")
}

/// Labels of everything that is made for a job.
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

/// What goes away with the job.
pub fn owner(job: &TranscriptionJob) -> Option<OwnerReference> {
    job.controller_owner_ref(&())
}
