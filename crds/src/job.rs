//! TranscriptionJob, `verbatim.dev/v1alpha1`: the spec. `kubectl explain` shows the doc comments.

use kube_derive::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    batching::Batching, destination::Destination, failure_policy::FailurePolicy, model::Model,
    recognition::Recognition, recycle::Recycle, rules::rule_at, scaling::Scaling, source::Source,
    status::TranscriptionJobStatus, storage::Storage,
};

/// The API's group.
pub const GROUP: &str = "verbatim.dev";
/// The API's version.
pub const VERSION: &str = "v1alpha1";
/// The kind.
pub const KIND: &str = "TranscriptionJob";

/// The `apiVersion` of manifests.
pub fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

// The ETA is a string: kubectl shows a date as the time since then, which is `<invalid>` for a future time.
// The scale subresource: `kubectl scale` sets the maximum number of workers, since the operator decides their
// number; it shows the desired number.
/// Spec of a TranscriptionJob: recordings, transcripts, model, and resources.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    // Without the facade `kube`, so that a worker builds no client of Kubernetes.
    crates(kube_core = "::kube_core"),
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
    scale(spec_replicas_path = ".spec.scaling.maxWorkers", status_replicas_path = ".status.workers.desired"),
    doc = "A TranscriptionJob turns recordings into transcripts.",
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Progress","type":"string","jsonPath":".status.progress"}"#,
    printcolumn = r#"{"name":"Failed","type":"integer","jsonPath":".status.files.failed"}"#,
    printcolumn = r#"{"name":"Speed-up","type":"string","jsonPath":".status.speedUp"}"#,
    printcolumn = r#"{"name":"Workers","type":"integer","jsonPath":".status.workers.ready"}"#,
    printcolumn = r#"{"name":"ETA","type":"string","jsonPath":".status.estimatedCompletionTime"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"RTF","type":"string","jsonPath":".status.realTimeFactor","priority":1}"#,
    printcolumn = r#"{"name":"Restarts","type":"integer","jsonPath":".status.restarts","priority":1}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type==\"Progressing\")].message","priority":1}"#,
    selectable = ".status.phase"
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules()))]
pub struct TranscriptionJobSpec {
    /// True stops the workers and keeps the state; false resumes the job.
    #[serde(default)]
    pub suspend: bool,
    /// Model: either `name` or `uri`.
    #[serde(default)]
    pub model: Model,
    /// Source of the recordings: either `s3` or a folder (`file`). Patterns select the recordings, or `keys`
    /// or a `manifest` list them.
    pub source: Source,
    /// Destination of the transcripts: either `s3` or a folder (`file`); neither with layout Adjacent.
    pub destination: Destination,
    /// S3 service of source, destination and model.
    #[serde(default)]
    pub storage: Storage,
    /// Recognition and speech detection.
    #[serde(default)]
    pub recognition: Recognition,
    /// Batch size of the model.
    #[serde(default)]
    pub batching: Batching,
    /// Number of workers. Can change at any time.
    #[serde(default)]
    pub scaling: Scaling,
    /// Limits for replacing a worker's engine (the process that runs the model). Files in flight finish
    /// first.
    #[serde(default)]
    pub recycle: Recycle,
    /// Handling of failed files.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// Seconds from the start, or from the end of the last suspension, after which an unfinished job fails.
    /// Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub active_deadline_seconds: Option<u32>,
    /// Seconds from the end after which the job is deleted; its transcripts stay. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<u32>,
    /// Pod template that overrides the worker's: resources (`nvidia.com/gpu`), node selector, tolerations,
    /// volumes. The worker's container is named `worker`. The operator checks its types; Kubernetes validates
    /// the rest.
    #[serde(default, skip_serializing_if = "PodTemplate::is_empty")]
    #[schemars(schema_with = "pod_template")]
    pub template: PodTemplate,
}

/// Rules across groups of fields.
fn rules() -> Vec<serde_json::Value> {
    vec![
        rule_at(
            ".destination.s3.prefix",
            // As in the ledger, keys below a prefix begin with it and a slash.
            "!has(self.source.s3) || !has(self.destination.s3) || has(self.source.keys) || \
             has(self.source.manifest) || self.source.s3.bucket != self.destination.s3.bucket || \
             !(self.destination.s3.prefix == '' || self.destination.s3.prefix.endsWith('/') ? \
             self.destination.s3.prefix : self.destination.s3.prefix + '/').startsWith(self.source.s3.prefix)",
            "destination.s3 must not be inside source.s3, or later jobs find transcripts among their recordings: \
             choose another bucket or prefix, or layout Adjacent without s3",
        ),
        rule_at(
            ".batching.maxPaddedSeconds",
            "double(self.batching.maxPaddedSeconds) >= self.recognition.vad.maxSpeechSeconds",
            "maxPaddedSeconds must not be below recognition.vad.maxSpeechSeconds, or the longest segment fits no batch",
        ),
        rule_at(
            ".scaling.targetCompletionSeconds",
            "!has(self.activeDeadlineSeconds) || !has(self.scaling.targetCompletionSeconds) || \
             self.scaling.targetCompletionSeconds <= self.activeDeadlineSeconds",
            "targetCompletionSeconds must not exceed activeDeadlineSeconds, or the job fails before it can be done",
        ),
    ]
}

/// A pod template as it is written. It stays JSON, since it is a patch: a typed template would fill in absent
/// fields, and drop fields that this version of Kubernetes' types does not know.
pub type PodTemplate = serde_json::Map<String, serde_json::Value>;

fn pod_template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
