//! What a schema cannot say about a job: which fields exclude each other, and which numbers must not cross.
//!
//! Takes a job that passed the schema; no I/O, no clients. The same rules stand in the CRD as CEL where CEL can say
//! them; here they hold for local runs too.

use std::path::Path;

use crate::{
    TranscriptionJob,
    destination::{Destination, Layout},
    model::Model,
    path::{self, PathError},
    source::Source,
};

/// Longest name of a job. The operator names a Job and labels after it, and a label holds 63 characters.
pub const MAX_NAME_LENGTH: usize = 63;

/// A job whose fields are right one by one and not together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The name cannot be a label.
    #[error(
        "{0:?} cannot be a name: write at most 63 lower-case letters, digits and hyphens, as calls-2026-11"
    )]
    BadName(String),
    /// A model without name and uri.
    #[error("give the model a name or a uri")]
    NoModel,
    /// A model with both.
    #[error("give the model either a name or a uri, not both")]
    TwoModels,
    /// A source without a place.
    #[error("give the source a place: s3 or file")]
    NoSource,
    /// A source with two places.
    #[error("give the source one place: either s3 or file")]
    TwoSources,
    /// Both lists of recordings.
    #[error("give keys or a manifest, not both")]
    KeysAndManifest,
    /// Patterns beside a list of recordings.
    #[error("include and exclude choose among what is found: they have no meaning with keys or a manifest")]
    PatternsAndList,
    /// Keys relative to a folder that lead out of it, or are absolute.
    #[error("{0:?} leads out of the source: write names from the prefix or the folder on")]
    KeyOutside(String),
    /// The same recording twice.
    #[error("{0:?} is there twice")]
    KeyTwice(String),
    /// A path of the source that names no local path.
    #[error(transparent)]
    SourcePath(PathError),
    /// A path of the destination that names no local path.
    #[error("{0}")]
    DestinationPath(PathError),
    /// A destination without a place.
    #[error("give the destination a place: s3 or file")]
    NoDestination,
    /// A destination with two places.
    #[error("give the destination one place: either s3 or file")]
    TwoDestinations,
    /// A place that `Adjacent` does not use.
    #[error("transcripts with layout Adjacent go beside their recordings: leave s3 and file out")]
    AdjacentWithPlace,
    /// Speech would end above the probability that begins it.
    #[error("must not be above threshold, or speech ends as soon as it begins")]
    VadThresholds,
    /// Every stretch of speech would be dropped.
    #[error("must not be above maxSpeechSeconds, or every stretch of speech is dropped")]
    VadLengths,
    /// A stretch longer than a batch may be.
    #[error("must not be below recognition.vad.maxSpeechSeconds, or the longest segment fits no batch")]
    BatchTooSmall,
    /// No memory for batches.
    #[error("must not be 0")]
    NoGpuMemory,
    /// More workers at least than at most.
    #[error("must not be above maxWorkers")]
    WorkerRange,
    /// A goal that lies behind the deadline.
    #[error("must not be above activeDeadlineSeconds, or the job fails before it can be done")]
    TargetAfterDeadline,
}

impl Violation {
    /// The field to look at, as `spec.scaling.minWorkers`.
    pub fn path(&self) -> String {
        match self {
            Self::BadName(_) => "metadata.name",
            Self::NoModel | Self::TwoModels => "spec.model",
            Self::NoSource | Self::TwoSources | Self::PatternsAndList => "spec.source",
            Self::KeysAndManifest => "spec.source.manifest",
            Self::KeyOutside(_) | Self::KeyTwice(_) => "spec.source.keys",
            Self::SourcePath(_) => "spec.source.file.path",
            Self::DestinationPath(_) => "spec.destination.file.path",
            Self::NoDestination | Self::TwoDestinations | Self::AdjacentWithPlace => "spec.destination",
            Self::VadThresholds => "spec.recognition.vad.negativeThreshold",
            Self::VadLengths => "spec.recognition.vad.minSpeechMilliseconds",
            Self::BatchTooSmall => "spec.batching.maxPaddedSeconds",
            Self::NoGpuMemory => "spec.batching.gpuMemoryBudget",
            Self::WorkerRange => "spec.scaling.minWorkers",
            Self::TargetAfterDeadline => "spec.scaling.targetCompletionSeconds",
        }
        .to_owned()
    }
}

/// Everything that is wrong with the job, by field; empty for a job that can run.
pub fn validate(job: &TranscriptionJob) -> Vec<Violation> {
    let mut violations = Vec::new();
    name(job.metadata.name.as_deref().unwrap_or_default(), &mut violations);
    model(&job.spec.model, &mut violations);
    source(&job.spec.source, &mut violations);
    destination(&job.spec.destination, &mut violations);
    numbers(job, &mut violations);
    violations
}

fn name(name: &str, found: &mut Vec<Violation>) {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = (1..=MAX_NAME_LENGTH).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !good {
        found.push(Violation::BadName(name.to_owned()));
    }
}

fn model(model: &Model, found: &mut Vec<Violation>) {
    match (&model.name, &model.uri) {
        (None, None) => found.push(Violation::NoModel),
        (Some(_), Some(_)) => found.push(Violation::TwoModels),
        _ => {}
    }
}

fn source(source: &Source, found: &mut Vec<Violation>) {
    match (&source.s3, &source.file) {
        (None, None) => found.push(Violation::NoSource),
        (Some(_), Some(_)) => found.push(Violation::TwoSources),
        _ => {}
    }
    if source.keys.is_some() && source.manifest.is_some() {
        found.push(Violation::KeysAndManifest);
    }
    let s3 = source.s3.iter().any(|s3| !s3.include.is_empty() || !s3.exclude.is_empty());
    let file = source.file.iter().any(|file| !file.include.is_empty() || !file.exclude.is_empty());
    if (source.keys.is_some() || source.manifest.is_some()) && (s3 || file) {
        found.push(Violation::PatternsAndList);
    }
    if let Some(keys) = &source.keys {
        let outside = |key: &&String| key.starts_with('/') || key.split('/').any(|part| part == "..");
        found.extend(keys.iter().find(outside).cloned().map(Violation::KeyOutside));
        let mut seen = std::collections::BTreeSet::new();
        found.extend(keys.iter().find(|key| !seen.insert(*key)).cloned().map(Violation::KeyTwice));
    }
    if let Some(Err(error)) = source.file.as_ref().map(|file| path::resolve(&file.path, Path::new(""))) {
        found.push(Violation::SourcePath(error));
    }
}

fn destination(destination: &Destination, found: &mut Vec<Violation>) {
    match (destination.layout, &destination.s3, &destination.file) {
        (Layout::Adjacent, None, None) => {}
        (Layout::Adjacent, _, _) => found.push(Violation::AdjacentWithPlace),
        (_, None, None) => found.push(Violation::NoDestination),
        (_, Some(_), Some(_)) => found.push(Violation::TwoDestinations),
        _ => {}
    }
    if let Some(Err(error)) = destination.file.as_ref().map(|file| path::resolve(&file.path, Path::new(""))) {
        found.push(Violation::DestinationPath(error));
    }
}

fn numbers(job: &TranscriptionJob, found: &mut Vec<Violation>) {
    let spec = &job.spec;
    let vad = &spec.recognition.vad;
    let scaling = &spec.scaling;
    let checks = [
        (vad.negative_threshold() > vad.threshold, Violation::VadThresholds),
        (f64::from(vad.min_speech_milliseconds) > vad.max_speech_seconds * 1000.0, Violation::VadLengths),
        (f64::from(spec.batching.max_padded_seconds) < vad.max_speech_seconds, Violation::BatchTooSmall),
        (spec.batching.gpu_memory_budget.is_zero(), Violation::NoGpuMemory),
        (scaling.min_workers > scaling.max_workers, Violation::WorkerRange),
        (
            spec.active_deadline_seconds
                .zip(scaling.target_completion_seconds)
                .is_some_and(|(end, goal)| goal > end),
            Violation::TargetAfterDeadline,
        ),
    ];
    found.extend(checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, violation)| violation));
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
