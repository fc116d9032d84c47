//! What a schema cannot say about a job: which fields exclude each other, and which numbers must not cross.
//!
//! Takes a job that passed the schema; no I/O, no clients. The same rules stand in the CRD as CEL where CEL can say
//! them; here they hold for local runs too.

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

/// Everything that is wrong with the job, by field; empty for a job that can run on this machine. On a cluster
/// [`in_cluster`] asks for more.
pub fn validate(job: &TranscriptionJob) -> Vec<ValidationError> {
    let mut violations = Vec::new();
    name(job.metadata.name.as_deref().unwrap_or_default(), &mut violations);
    model(&job.spec.model, &mut violations);
    source(&job.spec.source, &mut violations);
    destination(&job.spec.destination, &mut violations);
    if inside(&job.spec) {
        violations.push(ValidationError::DestinationInSource);
    }
    storage(&job.spec.storage, &mut violations);
    numbers(job, &mut violations);
    violations
}

/// Everything that is wrong with a job for a cluster: what [`validate`] finds, and what a machine has by itself and a pod
/// only where its template says so. CEL sees nothing of it, since a template is free content to the schema.
pub fn in_cluster(job: &TranscriptionJob) -> Vec<ValidationError> {
    let mut violations = validate(job);
    let spec = &job.spec;
    let pod = &serde_json::Value::Object(spec.template.clone())["spec"];
    if !has_device(pod) {
        violations.extend(gpu_limit(spec).map(ValidationError::NoGpu));
    }
    if pod["volumes"].as_array().is_none_or(Vec::is_empty) {
        let folders = [
            (spec.source.file.is_some(), "spec.source.file"),
            (spec.destination.file.is_some(), "spec.destination.file"),
        ];
        violations.extend(
            folders.into_iter().filter(|(there, _)| *there).map(|(_, path)| ValidationError::NoVolume(path)),
        );
    }
    violations
}

/// The first limit of GPU memory that is another than its default.
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

/// Whether a container asks for a device: a resource with a domain (`nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`,
/// `amd.com/gpu`), or a claim.
fn has_device(pod: &serde_json::Value) -> bool {
    pod["containers"].as_array().into_iter().flatten().any(|container| {
        let resources = &container["resources"];
        let limits = resources["limits"].as_object();
        limits.is_some_and(|limits| limits.keys().any(|name| name.contains('/')))
            || resources["claims"].as_array().is_some_and(|claims| !claims.is_empty())
    })
}

/// Whether transcripts would be listed with the recordings. Recordings that are named are not listed.
fn inside(spec: &TranscriptionJobSpec) -> bool {
    let (Some(from), Some(to)) = (&spec.source.s3, &spec.destination.s3) else { return false };
    // As the ledger has it, what is below a prefix begins with it and a slash.
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

/// Whether the soft limit is above the hard one, where both are shares or both are bytes. 0 is no limit.
fn crossed(soft: Memory, hard: Memory) -> bool {
    match (soft, hard) {
        (Memory::Percent(soft), Memory::Percent(hard)) => soft > hard,
        (Memory::Bytes(soft), Memory::Bytes(hard)) => hard != 0 && soft > hard,
        _ => false,
    }
}

fn name(name: &str, found: &mut Vec<ValidationError>) {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = (1..=MAX_NAME_LENGTH).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !good {
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
        (crossed(recycle.memory_soft_limit, recycle.memory_hard_limit), ValidationError::MemoryLimits),
        (
            crossed(recycle.gpu_memory_soft_limit, recycle.gpu_memory_hard_limit),
            ValidationError::GpuMemoryLimits,
        ),
        (scaling.min_workers > scaling.max_workers, ValidationError::WorkerRange),
        (
            spec.active_deadline_seconds
                .zip(scaling.target_completion_seconds)
                .is_some_and(|(end, goal)| goal > end),
            ValidationError::TargetAfterDeadline,
        ),
    ];
    found.extend(checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, violation)| violation));
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
