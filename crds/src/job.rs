//! TranscriptionJob, `verbatim.dev/v1alpha1`: the spec. Doc comments here are what `kubectl explain` shows.

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    batching::Batching, destination::Destination, failure_policy::FailurePolicy, model::Model,
    recognition::Recognition, recycle::Recycle, scaling::Scaling, source::Source,
    status::TranscriptionJobStatus, storage::Storage,
};

/// The API's group.
pub const GROUP: &str = "verbatim.dev";
/// The API's version.
pub const VERSION: &str = "v1alpha1";
/// The kind.
pub const KIND: &str = "TranscriptionJob";

/// What a manifest says as its `apiVersion`.
pub fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

/// A TranscriptionJob's spec: which recordings become which transcripts, with which model, and how much may run.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "verbatim.dev",
    version = "v1alpha1",
    kind = "TranscriptionJob",
    plural = "transcriptionjobs",
    shortname = "tj",
    category = "verbatim",
    namespaced,
    derive = "PartialEq",
    derive = "Default",
    status = "TranscriptionJobStatus",
    doc = "A TranscriptionJob turns recordings into transcripts.",
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Done","type":"integer","jsonPath":".status.files.succeeded"}"#,
    printcolumn = r#"{"name":"Failed","type":"integer","jsonPath":".status.files.failed"}"#,
    printcolumn = r#"{"name":"Files","type":"integer","jsonPath":".status.files.total"}"#,
    printcolumn = r#"{"name":"Workers","type":"integer","jsonPath":".status.workers.ready"}"#,
    printcolumn = r#"{"name":"RTF","type":"string","jsonPath":".status.realTimeFactor"}"#,
    printcolumn = r#"{"name":"ETA","type":"date","jsonPath":".status.estimatedCompletionTime","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptionJobSpec {
    /// Stop the work and keep its state; false goes on with it.
    #[serde(default)]
    pub suspend: bool,
    /// The model that transcribes.
    #[serde(default)]
    pub model: Model,
    /// Where the recordings are.
    pub source: Source,
    /// Where the transcripts go.
    pub destination: Destination,
    /// How S3 is reached.
    #[serde(default)]
    pub storage: Storage,
    /// What is recognised.
    #[serde(default)]
    pub recognition: Recognition,
    /// How much goes through the model at once.
    #[serde(default)]
    pub batching: Batching,
    /// How many workers run. Can change at any time.
    #[serde(default)]
    pub scaling: Scaling,
    /// When an engine is replaced.
    #[serde(default)]
    pub recycle: Recycle,
    /// What happens when files fail.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// Seconds after its start at which an unfinished job fails. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub active_deadline_seconds: Option<u32>,
    /// Seconds after its end at which the job is deleted; its transcripts stay. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<u32>,
    /// A pod template that is laid over the worker's own: resources (`nvidia.com/gpu`), node selector, tolerations,
    /// volumes. The worker's container is named `worker`. Kubernetes validates it when pods are made.
    #[serde(default, skip_serializing_if = "PodTemplate::is_empty")]
    #[schemars(schema_with = "pod_template")]
    pub template: PodTemplate,
}

/// A pod template as it is written. Kept as JSON: it is a patch, and a typed template would fill in what it does not
/// say, and drop what this version of Kubernetes' types does not know.
pub type PodTemplate = serde_json::Map<String, serde_json::Value>;

fn pod_template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
