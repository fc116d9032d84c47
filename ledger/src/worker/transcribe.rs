//! Interface to the transcriber: the ledger knows nothing about audio.

use std::fmt::Debug;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use verbatim_crds::contract::FailureReason;
use verbatim_crds::destination::Format;

use crate::plan::planned_file::PlannedFile;

/// A recording in the spool.
#[derive(Clone, Debug)]
pub struct SpooledRecording {
    /// The recording in the plan.
    pub file: PlannedFile,
    /// Path of its file.
    pub path: PathBuf,
}

/// A transcript in the formats of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcribed {
    /// Contents of each format.
    pub formats: Vec<(Format, Bytes)>,
    /// Length of the recording.
    pub audio_milliseconds: u64,
    /// Time from the first byte to the last segment.
    pub processing_milliseconds: u64,
    /// Timings of the engine.
    pub times: EngineTimes,
}

/// Timings of the engine, relative to the start of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineTimes {
    /// Decoding and speech detection.
    pub decode: Option<Range<Duration>>,
    /// From the first segment in the model to the last.
    pub infer: Option<Range<Duration>>,
}

/// Reason for which there is no transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTranscribed {
    /// The recording fails, and would fail again.
    #[error("{message}")]
    Failed {
        /// Reason.
        reason: FailureReason,
        /// Message for people.
        message: String,
        /// Number of attempts.
        attempts: u32,
    },
    /// The worker was told to stop first.
    #[error("interrupted")]
    Interrupted,
    /// No engine is left: no recording can be transcribed here.
    #[error("no engine is left: {0}")]
    NoEngine(String),
}

/// Transcribes recordings concurrently.
#[async_trait]
pub trait Transcribe: Send + Sync + Debug {
    /// Transcribes a recording.
    ///
    /// # Errors
    /// [`NotTranscribed`].
    async fn transcribe(&self, recording: SpooledRecording) -> Result<Transcribed, NotTranscribed>;

    /// Renders formats from a committed JSON transcript; `None` if it is not one of Verbatim's.
    fn render(&self, json: &[u8], formats: &[Format]) -> Option<Vec<(Format, Bytes)>>;
}
