//! Engine's events and the result of one file.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::transcript::{Audio, Segment};

/// What the engine reports. For each task: `Begun`, any number of `Progress`, then exactly one `Done` or `Failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The file's first byte is about to be read.
    Begun {
        /// The task.
        id: usize,
    },
    /// More of the file has been heard.
    Progress {
        /// The task.
        id: usize,
        /// Seconds of the file's audio decoded so far.
        audio_seconds: f64,
        /// Bytes of the file read so far: how far that is, since its length in seconds is not known before its end.
        bytes_read: u64,
    },
    /// The file is done.
    Done {
        /// The task.
        id: usize,
        /// What was heard.
        result: FileResult,
    },
    /// The file could not be transcribed.
    Failed {
        /// The task.
        id: usize,
        /// Why.
        failure: Failure,
    },
}

impl Event {
    /// The task that it is about.
    pub fn id(&self) -> usize {
        match self {
            Self::Begun { id }
            | Self::Progress { id, .. }
            | Self::Done { id, .. }
            | Self::Failed { id, .. } => *id,
        }
    }
}

/// The engine's result for one file; the caller adds what only it knows (names, model) to make a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileResult {
    /// Stretches of speech, by start time, then channel; empty for a file without speech.
    pub segments: Vec<Segment>,
    /// What the audio was like.
    pub audio: Audio,
    /// SHA-256 of the file's bytes, lower-case hexadecimal, computed from the bytes that were decoded.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// What was wrong but not fatal, as "cut in the middle: decoded up to 12.3 s"; for the log and the summary.
    pub warnings: Vec<String>,
    /// Wall-clock seconds from the file's first byte to its last segment.
    pub processing_seconds: f64,
    /// Where those went.
    pub parts: Parts,
}

/// Where a file's time went, in wall-clock seconds since its first byte. The parts overlap: the model begins with the first
/// segments while later ones are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// When all of it was decoded, and speech in it found.
    pub decoded: f64,
    /// When the model took its first segment, and when it gave its last one back; nothing without speech.
    pub model: Option<(f64, f64)>,
}
