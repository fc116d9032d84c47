//! The workers' configuration: the job as they read it.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use serde_json::json;
use sha2::{Digest, Sha256};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::JOB_FILE;
use verbatim_crds::contract::labels::TRACE_PARENT;
use verbatim_crds::job::{KIND, api_version};

use super::{config_name, labels, owner};
use crate::settings::Settings;

/// The ConfigMap. It holds what a worker needs to know, without the pod template, and the parent of its spans
/// where the job is traced.
pub fn build(job: &TranscriptionJob, settings: &Settings) -> ConfigMap {
    let mut spec = job.spec.clone();
    spec.template = Default::default();
    spec.suspend = false;
    let mut metadata = json!({ "name": job.name_any(), "namespace": job.namespace(), "uid": job.uid() });
    if let Some(root) = job.uid().and_then(|uid| settings.traces.job_context(&uid)) {
        metadata["annotations"] = json!({ TRACE_PARENT: root.to_string() });
    }
    let content = json!({ "apiVersion": api_version(), "kind": KIND, "metadata": metadata, "spec": spec });
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(config_name(&job.name_any())),
            namespace: job.namespace(),
            labels: Some(labels(job)),
            owner_references: owner(job).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some([(JOB_FILE.to_owned(), format!("{content:#}"))].into()),
        ..ConfigMap::default()
    }
}

/// SHA-256 of a configuration's content, in hexadecimal.
pub fn digest(config: &ConfigMap) -> String {
    let text =
        config.data.as_ref().and_then(|data| data.get(JOB_FILE)).map(String::as_str).unwrap_or_default();
    hex::encode(Sha256::digest(text.as_bytes()))
}
