//! Conflicts between fields of a job, with messages that say what to do.

use crate::{path::PathError, text_rule::MAX_NAME_LENGTH};

/// Fields that are valid on their own but conflict with each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// The name is no valid label.
    #[error(
        "{0:?} is not a valid name: write at most {MAX_NAME_LENGTH} lower-case letters, digits and hyphens, e.g. calls-2026-11"
    )]
    BadName(String),
    /// A model without name and uri.
    #[error("set either name or uri of the model")]
    NoModel,
    /// A model with both name and uri.
    #[error("set only one of the model's name and uri")]
    TwoModels,
    /// A source without location.
    #[error("set either s3 or file of the source")]
    NoSource,
    /// A source with two locations.
    #[error("set only one location of the source: either s3 or file")]
    TwoSources,
    /// Two lists of recordings.
    #[error("set either keys or manifest, not both")]
    KeysAndManifest,
    /// Patterns beside a list of recordings.
    #[error("include and exclude have no effect with keys or a manifest: remove them")]
    PatternsAndList,
    /// A key that is absolute or leaves the source.
    #[error("{0:?} is outside the source: write keys relative to the prefix or folder")]
    KeyOutside(String),
    /// A URL in place of the list's key.
    #[error(
        "{0:?} is a URL: write the list's key without s3:// and the bucket; the list is in the source's bucket"
    )]
    ListIsUrl(String),
    /// A URL in place of the source's prefix.
    #[error("{0:?} is a URL: write the prefix without s3:// and the bucket, e.g. 2026/11/")]
    SourcePrefixIsUrl(String),
    /// A URL in place of the destination's prefix.
    #[error("{0:?} is a URL: write the prefix without s3:// and the bucket, e.g. 2026/11/")]
    DestinationPrefixIsUrl(String),
    /// Transcripts among the recordings.
    #[error(
        "must not be inside source.s3, or later jobs find transcripts among their recordings: choose another bucket \
         or prefix, or layout Adjacent without s3"
    )]
    DestinationInSource,
    /// A duplicate recording.
    #[error("{0:?} is a duplicate")]
    KeyTwice(String),
    /// A source path that is no local path.
    #[error(transparent)]
    SourcePath(PathError),
    /// A destination path that is no local path.
    #[error("{0}")]
    DestinationPath(PathError),
    /// A destination without location.
    #[error("set either s3 or file of the destination")]
    NoDestination,
    /// A destination with two locations.
    #[error("set only one location of the destination: either s3 or file")]
    TwoDestinations,
    /// A location that layout `Adjacent` does not use.
    #[error("layout Adjacent puts transcripts beside their recordings: remove s3 and file")]
    AdjacentWithPlace,
    /// Unused credentials.
    #[error("disables credentials: remove either anonymous or credentialsSecretRef")]
    AnonymousWithCredentials,
    /// An unused key.
    #[error("is a key of the key management service: set algorithm to aws:kms, or remove it")]
    KeyWithoutKms,
    /// Speech would end at a higher probability than it begins.
    #[error("must not exceed threshold, or speech ends as soon as it begins")]
    VadThresholds,
    /// All speech would be dropped.
    #[error("must not exceed maxSpeechSeconds, or all speech is dropped")]
    VadLengths,
    /// A segment could be longer than a batch.
    #[error("must not be below recognition.vad.maxSpeechSeconds, or the longest segment fits no batch")]
    BatchTooSmall,
    /// No memory for batches.
    #[error("must not be 0")]
    NoGpuMemory,
    /// Engines would be killed and never recycled.
    #[error("must not exceed memoryHardLimit, or engines are killed before they can be recycled")]
    MemoryLimits,
    /// As [`Self::MemoryLimits`].
    #[error("must not exceed gpuMemoryHardLimit, or engines are killed before they can be recycled")]
    GpuMemoryLimits,
    /// The minimum number of workers exceeds the maximum.
    #[error("must not exceed maxWorkers")]
    WorkerRange,
    /// A target after the deadline.
    #[error("must not exceed activeDeadlineSeconds, or the job fails before it can be done")]
    TargetAfterDeadline,
    /// A limit of GPU memory for workers without a GPU.
    #[error(
        "has no effect without a GPU: set resources.limits, e.g. nvidia.com/gpu: 1, of the container `worker` in \
         spec.template, or remove it"
    )]
    NoGpu(&'static str),
    /// A folder that is not mounted.
    #[error(
        "is a folder that workers do not mount: set volumes and the container's volumeMounts in spec.template"
    )]
    NoVolume(&'static str),
}

impl ValidationError {
    /// Path of the field, such as `spec.scaling.minWorkers`.
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
