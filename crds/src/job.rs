//! TranscriptionJob, `verbatim.dev/v1alpha1`: the spec. Doc comments here are what `kubectl explain` shows.

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

/// What a manifest says as its `apiVersion`.
pub fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

// The ETA is a string: kubectl shows a date as the time since then, which of a time to come is `<invalid>`.
// The scale subresource: "how much" of a job is how much it may take, so `kubectl scale` sets the most workers and not
// their number, which the operator finds; what it wants at the moment is the number that is shown.
/// A TranscriptionJob's spec: which recordings become which transcripts, with which model, and how much may run.
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
    /// True stops the work and keeps its state; false goes on with it.
    #[serde(default)]
    pub suspend: bool,
    /// The model that transcribes: a `name` or a `uri`, not both.
    #[serde(default)]
    pub model: Model,
    /// Where the recordings are: in `s3` or in a folder (`file`), one of the two. All that the patterns let through are
    /// taken, or what `keys` or a `manifest` name.
    pub source: Source,
    /// Where the transcripts go: to `s3` or into a folder (`file`), one of the two; with layout Adjacent neither.
    pub destination: Destination,
    /// How S3 is reached: one service for source, destination and model.
    #[serde(default)]
    pub storage: Storage,
    /// What is recognised, and how speech is found.
    #[serde(default)]
    pub recognition: Recognition,
    /// How much goes through the model at once.
    #[serde(default)]
    pub batching: Batching,
    /// How many workers run. Can change at any time.
    #[serde(default)]
    pub scaling: Scaling,
    /// When a worker's engine (the process that runs the model) is replaced. Files in flight finish first.
    #[serde(default)]
    pub recycle: Recycle,
    /// What happens when files fail.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// Seconds after its start, or after the end of its last pause, at which an unfinished job fails. Absent: never.
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

/// The rules about several groups of fields.
fn rules() -> Vec<serde_json::Value> {
    vec![
        rule_at(
            ".destination.s3.prefix",
            // As the ledger has it, what is below a prefix begins with it and a slash.
            "!has(self.source.s3) || !has(self.destination.s3) || has(self.source.keys) || \
             has(self.source.manifest) || self.source.s3.bucket != self.destination.s3.bucket || \
             !(self.destination.s3.prefix == '' || self.destination.s3.prefix.endsWith('/') ? \
             self.destination.s3.prefix : self.destination.s3.prefix + '/').startsWith(self.source.s3.prefix)",
            "destination.s3 must not lie inside source.s3, or later jobs find transcripts among their recordings: \
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
            "targetCompletionSeconds must not be above activeDeadlineSeconds, or the job fails before it can be done",
        ),
    ]
}

/// A pod template as it is written. Kept as JSON: it is a patch, and a typed template would fill in what it does not
/// say, and drop what this version of Kubernetes' types does not know.
pub type PodTemplate = serde_json::Map<String, serde_json::Value>;

fn pod_template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
