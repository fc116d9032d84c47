//! What a worker needs of whoever transcribes: the ledger knows nothing of audio.

use std::fmt::Debug;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use verbatim_crds::contract::FailureReason;
use verbatim_crds::destination::Format;

use crate::plan::file::PlannedFile;

/// A recording in the spool.
#[derive(Clone, Debug)]
pub struct Spooled {
    /// What the plan says of it.
    pub file: PlannedFile,
    /// Where its bytes are.
    pub path: PathBuf,
}

/// A transcript in the formats of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcribed {
    /// Each format's bytes.
    pub formats: Vec<(Format, Bytes)>,
    /// The recording's length.
    pub audio_milliseconds: u64,
    /// From its first byte to its last segment.
    pub processing_milliseconds: u64,
    /// Where its time went.
    pub parts: Parts,
}

/// Where a recording's time went, since it was handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// It was decoded, and speech was looked for.
    pub decode: Option<Range<Duration>>,
    /// The model had something of it.
    pub infer: Option<Range<Duration>>,
}

/// Why there is no transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTranscribed {
    /// The recording fails, and would fail again.
    #[error("{message}")]
    Failed {
        /// Why, from the closed list.
        reason: FailureReason,
        /// Why, in words.
        message: String,
        /// Times that it was tried.
        attempts: u32,
    },
    /// The worker was told to stop before it was done.
    #[error("interrupted")]
    Interrupted,
    /// There is no engine any more: no recording can be transcribed here.
    #[error("no engine is left: {0}")]
    Gone(String),
}

/// Transcribes recordings, many at a time.
#[async_trait]
pub trait Transcribe: Send + Sync + Debug {
    /// Transcribes a recording.
    ///
    /// # Errors
    /// [`NotTranscribed`].
    async fn transcribe(&self, recording: Spooled) -> Result<Transcribed, NotTranscribed>;

    /// Renders formats from a transcript in JSON that was committed before; none where it is not one of ours.
    fn render(&self, json: &[u8], formats: &[Format]) -> Option<Vec<(Format, Bytes)>>;
}
