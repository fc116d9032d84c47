//! Why a file could not be transcribed: one closed list, used in messages, reports and metric labels.

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
    /// Sample rate or channel count outside of what can be speech.
    UnsupportedAudio,
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
    /// The run was interrupted before this file was done.
    Interrupted,
}

impl FailureReason {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::NotAudio,
        Self::NoAudioTrack,
        Self::UnsupportedCodec,
        Self::UnsupportedAudio,
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
        Self::Interrupted,
    ];

    /// The reason as reports, events and metric labels carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAudio => "NotAudio",
            Self::NoAudioTrack => "NoAudioTrack",
            Self::UnsupportedCodec => "UnsupportedCodec",
            Self::UnsupportedAudio => "UnsupportedAudio",
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
            Self::Interrupted => "Interrupted",
        }
    }
}

impl std::fmt::Display for FailureReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One file's failure: why, in words, and where in the audio if that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason, from the closed list.
    pub reason: FailureReason,
    /// What is wrong, in words for a person: lower case, no full stop, no file name.
    pub message: String,
    /// Seconds of audio decoded before the failure, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_seconds: Option<f64>,
}

/// What is said where memory ran out: Rust's allocator, C++'s, ONNX Runtime's arena, CUDA's libraries. In lower case.
const OUT_OF_MEMORY: [&str; 8] = [
    "std::bad_alloc",
    "failed to allocate memory",
    // ONNX Runtime's arena, where it has a limit.
    "is smaller than requested bytes",
    "cuda out of memory",
    "cudaerrormemoryallocation",
    "cuda_error_out_of_memory",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
];

/// What is said in passing as well, of memory that then was had in another way: it counts only from who failed with it.
const PERHAPS: [&str; 2] = ["out of memory", "cannot allocate memory"];

/// Whether an error's message says that memory ran out, the host's or a GPU's. For errors that something failed with; ONNX
/// Runtime and CUDA tell them apart from others by their words alone.
pub fn is_out_of_memory(message: &str) -> bool {
    says_out_of_memory(message, true)
}

/// Whether a line says that memory ran out; `failed_with_it`: whoever said it failed with it.
pub(crate) fn says_out_of_memory(message: &str, failed_with_it: bool) -> bool {
    let message = message.to_ascii_lowercase();
    let rust = message.contains("memory allocation of ") && message.contains(" bytes failed");
    rust || OUT_OF_MEMORY.iter().any(|words| message.contains(words))
        || failed_with_it && PERHAPS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_errors() {
        for (message, is) in [
            (
                "Non-zero status code returned while running MatMul node. Failed to allocate memory for requested buffer",
                true,
            ),
            ("CUDA failure 2: out of memory ; GPU=0", true),
            ("mmap: Cannot allocate memory (os error 12)", true),
            ("invalid dimensions for input", false),
            ("", false),
        ] {
            assert_eq!(is_out_of_memory(message), is, "{message}");
        }
    }
}
