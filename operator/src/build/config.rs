//! The workers' configuration: the job as they read it.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::labels::TRACE_PARENT;
use verbatim_crds::job::api_version;

use super::{BuildError, config_name, labels, owner};
use crate::settings::Settings;

/// Key of the job in the ConfigMap, and its file's name.
pub const FILE: &str = "job.json";

/// The ConfigMap. It holds what a worker needs to know, without the pod template; and what its spans hang from, where there are
/// traces.
///
/// # Errors
/// [`BuildError::Own`].
pub fn config(job: &TranscriptionJob, settings: &Settings) -> Result<ConfigMap, BuildError> {
    let own = |source| BuildError::Own { what: "the workers' configuration", source };
    let mut spec = job.spec.clone();
    spec.template = Default::default();
    spec.suspend = false;
    let mut metadata = json!({ "name": job.name_any(), "namespace": job.namespace(), "uid": job.uid() });
    if let Some(root) = job.uid().and_then(|uid| settings.traces.job_context(&uid)) {
        metadata["annotations"] = json!({ TRACE_PARENT: root.to_string() });
    }
    let text = serde_json::to_string_pretty(&json!({
        "apiVersion": api_version(),
        "kind": verbatim_crds::job::KIND,
        "metadata": metadata,
        "spec": spec,
    }))
    .map_err(own)?;
    let mut config: ConfigMap = serde_json::from_value(json!({ "data": { FILE: text } })).map_err(own)?;
    config.metadata.name = Some(config_name(&job.name_any()));
    config.metadata.namespace = job.namespace();
    config.metadata.labels = Some(labels(job));
    config.metadata.owner_references = owner(job).map(|owner| vec![owner]);
    Ok(config)
}

/// Tells configurations apart.
pub fn digest(config: &ConfigMap) -> String {
    let text = config.data.as_ref().and_then(|data| data.get(FILE)).map(String::as_str).unwrap_or_default();
    hex::encode(Sha256::digest(text.as_bytes()))
}
