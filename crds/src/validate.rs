//! Rules that a schema cannot express: fields that exclude each other, and numbers that must be ordered.
//!
//! Takes a job that passed the schema; no I/O, no clients. The CRD has the same rules as CEL where possible;
//! here they apply to local runs too.

use std::path::Path;

use crate::{
    TranscriptionJob, TranscriptionJobSpec,
    batching::Batching,
    destination::{Destination, Layout},
    model::Model,
    path,
    quantity::Memory,
    recycle::Recycle,
    source::Source,
    storage::{Encryption, Storage},
    text_rule::MAX_NAME_LENGTH,
    validation_error::ValidationError,
};

/// All problems of a job; empty for a job that can run on this machine. [`in_cluster`] adds rules for
/// clusters.
pub fn validate(job: &TranscriptionJob) -> Vec<ValidationError> {
    let mut errors = Vec::new();
    name(job.metadata.name.as_deref().unwrap_or_default(), &mut errors);
    model(&job.spec.model, &mut errors);
    source(&job.spec.source, &mut errors);
    destination(&job.spec.destination, &mut errors);
    if destination_in_source(&job.spec) {
        errors.push(ValidationError::DestinationInSource);
    }
    storage(&job.spec.storage, &mut errors);
    numbers(job, &mut errors);
    errors
}

/// All problems of a job for a cluster: those of [`validate`], and missing GPUs and volumes in the pod
/// template. CEL cannot check the latter, since the template is unstructured content in the schema.
pub fn in_cluster(job: &TranscriptionJob) -> Vec<ValidationError> {
    let mut errors = validate(job);
    let spec = &job.spec;
    let pod = &serde_json::Value::Object(spec.template.clone())["spec"];
    if !has_device(pod) {
        errors.extend(gpu_limit(spec).map(ValidationError::NoGpu));
    }
    if pod["volumes"].as_array().is_none_or(Vec::is_empty) {
        let folders = [
            (spec.source.file.is_some(), "spec.source.file"),
            (spec.destination.file.is_some(), "spec.destination.file"),
        ];
        errors.extend(
            folders.into_iter().filter(|(set, _)| *set).map(|(_, path)| ValidationError::NoVolume(path)),
        );
    }
    errors
}

/// The first limit of GPU memory that differs from its default.
fn gpu_limit(spec: &TranscriptionJobSpec) -> Option<&'static str> {
    let (batching, recycle) = (Batching::default(), Recycle::default());
    let limits = [
        (spec.batching.gpu_memory_budget != batching.gpu_memory_budget, "spec.batching.gpuMemoryBudget"),
        (
            spec.recycle.gpu_memory_soft_limit != recycle.gpu_memory_soft_limit,
            "spec.recycle.gpuMemorySoftLimit",
        ),
        (
            spec.recycle.gpu_memory_hard_limit != recycle.gpu_memory_hard_limit,
            "spec.recycle.gpuMemoryHardLimit",
        ),
    ];
    limits.into_iter().find(|(set, _)| *set).map(|(_, path)| path)
}

/// Whether a container requests a device: a resource with a domain (`nvidia.com/gpu`,
/// `nvidia.com/mig-1g.10gb`, `amd.com/gpu`), or a claim.
fn has_device(pod: &serde_json::Value) -> bool {
    pod["containers"].as_array().into_iter().flatten().any(|container| {
        let resources = &container["resources"];
        let limits = resources["limits"].as_object();
        limits.is_some_and(|limits| limits.keys().any(|name| name.contains('/')))
            || resources["claims"].as_array().is_some_and(|claims| !claims.is_empty())
    })
}

/// Whether later listings of the source would find the transcripts. With keys or a manifest nothing is
/// listed.
fn destination_in_source(spec: &TranscriptionJobSpec) -> bool {
    let (Some(from), Some(to)) = (&spec.source.s3, &spec.destination.s3) else { return false };
    // As in the ledger, keys below a prefix begin with it and a slash.
    let slash = if to.prefix.is_empty() || to.prefix.ends_with('/') { "" } else { "/" };
    spec.source.keys.is_none()
        && spec.source.manifest.is_none()
        && from.bucket == to.bucket
        && format!("{}{slash}", to.prefix).starts_with(&from.prefix)
}

fn is_url(text: &str) -> bool {
    text.starts_with("s3://")
}

fn storage(storage: &Storage, found: &mut Vec<ValidationError>) {
    if storage.anonymous && storage.credentials_secret_ref.is_some() {
        found.push(ValidationError::AnonymousWithCredentials);
    }
    let encryption = storage.server_side_encryption.as_ref();
    if encryption.is_some_and(|with| with.kms_key_id.is_some() && with.algorithm != Encryption::AwsKms) {
        found.push(ValidationError::KeyWithoutKms);
    }
}

/// Whether the soft limit exceeds the hard limit, if both are percentages or both are bytes. 0 is no limit.
fn exceeds(soft: Memory, hard: Memory) -> bool {
    match (soft, hard) {
        (Memory::Percent(soft), Memory::Percent(hard)) => soft > hard,
        (Memory::Bytes(soft), Memory::Bytes(hard)) => hard != 0 && soft > hard,
        _ => false,
    }
}

fn name(name: &str, found: &mut Vec<ValidationError>) {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let valid = (1..=MAX_NAME_LENGTH).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !valid {
        found.push(ValidationError::BadName(name.to_owned()));
    }
}

fn model(model: &Model, found: &mut Vec<ValidationError>) {
    match (&model.name, &model.uri) {
        (None, None) => found.push(ValidationError::NoModel),
        (Some(_), Some(_)) => found.push(ValidationError::TwoModels),
        _ => {}
    }
}

fn source(source: &Source, found: &mut Vec<ValidationError>) {
    match (&source.s3, &source.file) {
        (None, None) => found.push(ValidationError::NoSource),
        (Some(_), Some(_)) => found.push(ValidationError::TwoSources),
        _ => {}
    }
    if source.keys.is_some() && source.manifest.is_some() {
        found.push(ValidationError::KeysAndManifest);
    }
    let s3 = source.s3.iter().any(|s3| !s3.include.is_empty() || !s3.exclude.is_empty());
    let file = source.file.iter().any(|file| !file.include.is_empty() || !file.exclude.is_empty());
    if (source.keys.is_some() || source.manifest.is_some()) && (s3 || file) {
        found.push(ValidationError::PatternsAndList);
    }
    if let Some(s3) = source.s3.as_ref().filter(|s3| is_url(&s3.prefix)) {
        found.push(ValidationError::SourcePrefixIsUrl(s3.prefix.clone()));
    }
    let list = source.manifest.as_ref().filter(|list| source.s3.is_some() && is_url(&list.key));
    found.extend(list.map(|list| ValidationError::ListIsUrl(list.key.clone())));
    if let Some(keys) = &source.keys {
        let outside = |key: &&String| key.starts_with('/') || key.split('/').any(|part| part == "..");
        found.extend(keys.iter().find(outside).cloned().map(ValidationError::KeyOutside));
        let mut seen = std::collections::BTreeSet::new();
        found.extend(keys.iter().find(|key| !seen.insert(*key)).cloned().map(ValidationError::KeyTwice));
    }
    if let Some(Err(error)) = source.file.as_ref().map(|file| path::resolve(&file.path, Path::new(""))) {
        found.push(ValidationError::SourcePath(error));
    }
}

fn destination(destination: &Destination, found: &mut Vec<ValidationError>) {
    match (destination.layout, &destination.s3, &destination.file) {
        (Layout::Adjacent, None, None) => {}
        (Layout::Adjacent, _, _) => found.push(ValidationError::AdjacentWithPlace),
        (_, None, None) => found.push(ValidationError::NoDestination),
        (_, Some(_), Some(_)) => found.push(ValidationError::TwoDestinations),
        _ => {}
    }
    if let Some(s3) = destination.s3.as_ref().filter(|s3| is_url(&s3.prefix)) {
        found.push(ValidationError::DestinationPrefixIsUrl(s3.prefix.clone()));
    }
    if let Some(Err(error)) = destination.file.as_ref().map(|file| path::resolve(&file.path, Path::new(""))) {
        found.push(ValidationError::DestinationPath(error));
    }
}

fn numbers(job: &TranscriptionJob, found: &mut Vec<ValidationError>) {
    let spec = &job.spec;
    let vad = &spec.recognition.vad;
    let scaling = &spec.scaling;
    let recycle = &spec.recycle;
    let checks = [
        (vad.negative_threshold() > vad.threshold, ValidationError::VadThresholds),
        (
            f64::from(vad.min_speech_milliseconds) > vad.max_speech_seconds * 1000.0,
            ValidationError::VadLengths,
        ),
        (
            f64::from(spec.batching.max_padded_seconds) < vad.max_speech_seconds,
            ValidationError::BatchTooSmall,
        ),
        (spec.batching.gpu_memory_budget.is_zero(), ValidationError::NoGpuMemory),
        (exceeds(recycle.memory_soft_limit, recycle.memory_hard_limit), ValidationError::MemoryLimits),
        (
            exceeds(recycle.gpu_memory_soft_limit, recycle.gpu_memory_hard_limit),
            ValidationError::GpuMemoryLimits,
        ),
        (scaling.min_workers > scaling.max_workers, ValidationError::WorkerRange),
        (
            spec.active_deadline_seconds
                .zip(scaling.target_completion_seconds)
                .is_some_and(|(deadline, target)| target > deadline),
            ValidationError::TargetAfterDeadline,
        ),
    ];
    found.extend(checks.into_iter().filter(|(invalid, _)| *invalid).map(|(_, error)| error));
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
