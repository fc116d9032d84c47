//! Why a file could not be transcribed: one closed list, used in messages, reports, the job's status and metric labels.

use serde::{Deserialize, Serialize};

/// Reason of a file's failure. The name is stable: reports, events and metric labels carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureReason {
    /// The bytes are not of any audio or video format that we know.
    NotAudio,
    /// A container that we read, without an audio track.
    NoAudioTrack,
    /// The format or codec is known and not supported.
    UnsupportedCodec,
    /// Sample rate or channel count outside of what can be speech, or no such channel as a list asks for.
    UnsupportedAudio,
    /// The model does not write the language that a list gives this file.
    UnsupportedLanguage,
    /// The file is damaged so that nothing, or nothing more, could be decoded.
    Corrupt,
    /// The file has no bytes, or no audio frames.
    Empty,
    /// The audio is longer than allowed.
    TooLong,
    /// The file is not there (any more).
    NotFound,
    /// The file may not be read.
    PermissionDenied,
    /// Reading failed in the middle.
    ReadFailed,
    /// The file's bytes changed while it was read.
    SourceChanged,
    /// The transcript could not be written.
    WriteFailed,
    /// The model failed on this file.
    InferenceFailed,
    /// Memory ran out on this file, also when it ran alone with the smallest batch.
    OutOfMemory,
    /// The file crashed engines, also when it ran alone.
    EngineCrashed,
    /// An engine made no progress on this file, also when it ran alone.
    Wedged,
    /// Workers died with this file in flight, also when it ran alone.
    WorkerLost,
    /// The run was interrupted before this file was done.
    Interrupted,
}

impl FailureReason {
    /// All of them.
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
