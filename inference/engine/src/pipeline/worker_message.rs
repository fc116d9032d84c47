//! Messages of decode and inference workers to the collector.

use std::time::Instant;

use verbatim_protocol::failure::{Failure, FailureReason, is_out_of_memory};
use verbatim_protocol::transcript::Audio;

use crate::recognizer::{Recognition, RecognizeError};
use crate::vad::segmenter::Span;

/// File, channel and position of a segment.
#[derive(Clone, Debug)]
pub(super) struct SegmentOrigin {
    pub(super) task: usize,
    /// Channel of the recording; `None` if the channels were mixed.
    pub(super) channel: Option<u16>,
    pub(super) span: Span,
}

/// Message of a worker.
#[derive(Debug)]
pub(super) enum WorkerMessage {
    /// A decode worker took a file.
    FileStarted { task: usize, started: Instant },
    /// More of a file was decoded.
    Decoded { task: usize, audio_seconds: f64, bytes_read: u64 },
    /// A segment is about to be queued.
    SegmentFound { id: u64, origin: SegmentOrigin },
    /// A file was decoded to its end.
    FileEnded { task: usize, audio: Audio, warnings: Vec<String>, sha256: String, bytes: u64 },
    /// A file could not be decoded.
    FileFailed { task: usize, failure: Failure },
    /// The model finished a segment that it took at `since`.
    Recognized { id: u64, recognition: Recognition, since: Instant },
    /// The model failed, and these segments are lost.
    InferenceFailed { ids: Vec<u64>, failure: Failure },
}

/// Failure of a file by an error of the model, with all causes in the message.
pub(super) fn inference_failure(error: &RecognizeError) -> Failure {
    let message = verbatim_text::error_chain(error);
    let reason = match is_out_of_memory(&message) {
        true => FailureReason::OutOfMemory,
        false => FailureReason::InferenceFailed,
    };
    Failure { reason, message, position_seconds: None }
}
