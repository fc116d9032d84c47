//! Events of the engine, and the result of one file.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::transcript::{Audio, Segment};

/// Event of one task. Each task gives `Begun`, any number of `Progress`, then exactly one `Done` or `Failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The engine is about to read the file's first byte.
    Begun {
        /// Number of the task.
        id: usize,
    },
    /// More of the file was decoded, or one more of its segments was recognised.
    Progress {
        /// Number of the task.
        id: usize,
        /// Seconds of the file's audio decoded so far.
        audio_seconds: f64,
        /// Bytes of the file read so far. This measures progress: the length in seconds is unknown until the
        /// file ends.
        bytes_read: u64,
    },
    /// The file was transcribed.
    Done {
        /// Number of the task.
        id: usize,
        /// Segments and metadata.
        result: FileResult,
    },
    /// The file could not be transcribed.
    Failed {
        /// Number of the task.
        id: usize,
        /// Reason and message.
        failure: Failure,
    },
}

impl Event {
    /// Number of the task.
    pub fn id(&self) -> usize {
        match self {
            Self::Begun { id }
            | Self::Progress { id, .. }
            | Self::Done { id, .. }
            | Self::Failed { id, .. } => *id,
        }
    }
}

/// Result for one file. The caller adds what only it knows (names, model) to make a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileResult {
    /// Segments of speech, sorted by start, then channel; empty for a file without speech.
    pub segments: Vec<Segment>,
    /// Properties of the audio.
    pub audio: Audio,
    /// SHA-256 of the file's bytes in lower-case hexadecimal, computed from the bytes that were decoded.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Problems that were not fatal, for the log and the summary, for example "cut in the middle: decoded up
    /// to 12.3 s".
    pub warnings: Vec<String>,
    /// Wall-clock seconds from the file's first byte to its last segment.
    pub processing_seconds: f64,
    /// Times of the stages.
    pub stages: StageTimes,
}

/// Times of a file's stages, in wall-clock seconds since its first byte. The stages overlap: inference starts
/// with the first segments while later ones are still being decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTimes {
    /// End of decoding and speech detection.
    pub decode_end: f64,
    /// Start and end of inference: the model takes the first segment, and returns the last one. `None`
    /// without speech.
    pub inference: Option<(f64, f64)>,
}
