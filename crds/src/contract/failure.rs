//! Reasons for failed files: one closed list for messages, reports, the job's status and metric labels.

use serde::{Deserialize, Serialize};

/// Reason for a failed file. The name is stable: reports, events and metric labels carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureReason {
    /// The bytes are of no known audio or video format.
    NotAudio,
    /// The container has no audio track.
    NoAudioTrack,
    /// The format or codec is known but not supported.
    UnsupportedCodec,
    /// The sample rate or number of channels is out of range for speech, or the channel that a list names
    /// does not exist.
    UnsupportedAudio,
    /// The model does not support the language that a list gives for the file.
    UnsupportedLanguage,
    /// The file is damaged, and its audio could not be decoded, or not to the end.
    Corrupt,
    /// The file has no bytes, or no audio frames.
    Empty,
    /// The audio is longer than allowed.
    TooLong,
    /// The file does not exist (any more).
    NotFound,
    /// Access to the file was denied.
    PermissionDenied,
    /// Reading failed midway.
    ReadFailed,
    /// The file changed while it was read.
    SourceChanged,
    /// The transcript could not be written.
    WriteFailed,
    /// The model failed on this file.
    InferenceFailed,
    /// Memory ran out on this file, even alone with the smallest batch.
    OutOfMemory,
    /// The file crashed engines, even alone.
    EngineCrashed,
    /// An engine made no progress on this file, even alone.
    Wedged,
    /// Workers died with this file in flight, even alone.
    WorkerLost,
    /// The run was interrupted before this file was done.
    Interrupted,
}

impl FailureReason {
    /// All reasons.
    pub const ALL: [Self; 19] = [
        Self::NotAudio,
        Self::NoAudioTrack,
        Self::UnsupportedCodec,
        Self::UnsupportedAudio,
        Self::UnsupportedLanguage,
        Self::Corrupt,
        Self::Empty,
        Self::TooLong,
        Self::NotFound,
        Self::PermissionDenied,
        Self::ReadFailed,
        Self::SourceChanged,
        Self::WriteFailed,
        Self::InferenceFailed,
        Self::OutOfMemory,
        Self::EngineCrashed,
        Self::Wedged,
        Self::WorkerLost,
        Self::Interrupted,
    ];

    /// The reason as reports, events and metric labels carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAudio => "NotAudio",
            Self::NoAudioTrack => "NoAudioTrack",
            Self::UnsupportedCodec => "UnsupportedCodec",
            Self::UnsupportedAudio => "UnsupportedAudio",
            Self::UnsupportedLanguage => "UnsupportedLanguage",
            Self::Corrupt => "Corrupt",
            Self::Empty => "Empty",
            Self::TooLong => "TooLong",
            Self::NotFound => "NotFound",
            Self::PermissionDenied => "PermissionDenied",
            Self::ReadFailed => "ReadFailed",
            Self::SourceChanged => "SourceChanged",
            Self::WriteFailed => "WriteFailed",
            Self::InferenceFailed => "InferenceFailed",
            Self::OutOfMemory => "OutOfMemory",
            Self::EngineCrashed => "EngineCrashed",
            Self::Wedged => "Wedged",
            Self::WorkerLost => "WorkerLost",
            Self::Interrupted => "Interrupted",
        }
    }
}

impl std::fmt::Display for FailureReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
