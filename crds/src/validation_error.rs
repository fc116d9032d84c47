//! What can be wrong with a job whose fields are right one by one, in words that say what to do.

use crate::{path::PathError, text_rule::MAX_NAME_LENGTH};

/// A job whose fields are right one by one and not together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// The name cannot be a label.
    #[error(
        "{0:?} cannot be a name: write at most {MAX_NAME_LENGTH} lower-case letters, digits and hyphens, as calls-2026-11"
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
    /// A list that is named as a URL.
    #[error(
        "{0:?} is a URL: write the list's key without s3:// and the bucket; it is in the source's bucket"
    )]
    ListIsUrl(String),
    /// A prefix of the source that is a URL.
    #[error("{0:?} is a URL: write the prefix without s3:// and the bucket, as 2026/11/")]
    SourcePrefixIsUrl(String),
    /// A prefix of the destination that is a URL.
    #[error("{0:?} is a URL: write the prefix without s3:// and the bucket, as 2026/11/")]
    DestinationPrefixIsUrl(String),
    /// Transcripts among the recordings.
    #[error(
        "must not lie inside source.s3, or later jobs find transcripts among their recordings: choose another bucket \
         or prefix, or layout Adjacent without s3"
    )]
    DestinationInSource,
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
    /// Credentials that are not used.
    #[error("asks without credentials: leave anonymous or credentialsSecretRef out")]
    AnonymousWithCredentials,
    /// A key that is not used.
    #[error("names a key of the key management service: write algorithm: aws:kms, or leave it out")]
    KeyWithoutKms,
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
    /// Engines would be killed and never recycled.
    #[error("must not be above memoryHardLimit, or engines are killed before they can be recycled")]
    MemoryLimits,
    /// As [`Self::MemoryLimits`].
    #[error("must not be above gpuMemoryHardLimit, or engines are killed before they can be recycled")]
    GpuMemoryLimits,
    /// More workers at least than at most.
    #[error("must not be above maxWorkers")]
    WorkerRange,
    /// A goal that lies behind the deadline.
    #[error("must not be above activeDeadlineSeconds, or the job fails before it can be done")]
    TargetAfterDeadline,
    /// Limits of GPU memory for workers that have no GPU.
    #[error(
        "has no meaning without a GPU: write resources.limits, as nvidia.com/gpu: 1, into spec.template's container \
         `worker`, or leave it out"
    )]
    NoGpu(&'static str),
    /// A folder that no pod has.
    #[error(
        "is a folder that no worker has: write volumes and the container's volumeMounts into spec.template"
    )]
    NoVolume(&'static str),
}

impl ValidationError {
    /// The field to look at, as `spec.scaling.minWorkers`.
    pub fn path(&self) -> String {
        match self {
            Self::BadName(_) => "metadata.name",
            Self::NoModel | Self::TwoModels => "spec.model",
            Self::NoSource | Self::TwoSources | Self::PatternsAndList => "spec.source",
            Self::KeysAndManifest => "spec.source.manifest",
            Self::ListIsUrl(_) => "spec.source.manifest.key",
            Self::SourcePrefixIsUrl(_) => "spec.source.s3.prefix",
            Self::DestinationPrefixIsUrl(_) | Self::DestinationInSource => "spec.destination.s3.prefix",
            Self::KeyOutside(_) | Self::KeyTwice(_) => "spec.source.keys",
            Self::SourcePath(_) => "spec.source.file.path",
            Self::DestinationPath(_) => "spec.destination.file.path",
            Self::NoDestination | Self::TwoDestinations | Self::AdjacentWithPlace => "spec.destination",
            Self::AnonymousWithCredentials => "spec.storage.anonymous",
            Self::KeyWithoutKms => "spec.storage.serverSideEncryption.kmsKeyId",
            Self::VadThresholds => "spec.recognition.vad.negativeThreshold",
            Self::VadLengths => "spec.recognition.vad.minSpeechMilliseconds",
            Self::BatchTooSmall => "spec.batching.maxPaddedSeconds",
            Self::NoGpuMemory => "spec.batching.gpuMemoryBudget",
            Self::MemoryLimits => "spec.recycle.memorySoftLimit",
            Self::GpuMemoryLimits => "spec.recycle.gpuMemorySoftLimit",
            Self::WorkerRange => "spec.scaling.minWorkers",
            Self::TargetAfterDeadline => "spec.scaling.targetCompletionSeconds",
            Self::NoGpu(path) | Self::NoVolume(path) => path,
        }
        .to_owned()
    }
}
