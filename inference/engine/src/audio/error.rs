//! Errors between a file and its samples, and their failure reasons.

use std::io;

use thiserror::Error;

use verbatim_protocol::failure::{Failure, FailureReason};

/// Failure to open or read the audio of a file.
#[derive(Debug, Error)]
pub enum AudioError {
    /// The file does not exist.
    #[error("no such file")]
    NotFound,
    /// Reading the file is not permitted.
    #[error("permission denied")]
    PermissionDenied,
    /// The path is a directory, a device or a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// Opening or reading failed for another reason.
    #[error("failed to read: {source}")]
    Read {
        /// Error of the operating system.
        source: io::Error,
        /// Seconds of audio decoded before the error.
        position: Option<f64>,
    },
    /// The size or modification time of the file changed while it was read.
    #[error("the file changed while it was read")]
    SourceChanged {
        /// Seconds of audio decoded before the change was noticed.
        position: f64,
    },
    /// The file has no bytes.
    #[error("the file is empty")]
    NoBytes,
    /// The container is complete but has no audio frames.
    #[error("the file has no audio frames")]
    NoFrames,
    /// The format is unknown.
    #[error("not a known audio or video format")]
    NotAudio,
    /// The container has no audio track.
    #[error("the file has no audio track")]
    NoAudioTrack,
    /// The format or codec is known but unsupported.
    #[error("{what} is not supported")]
    UnsupportedCodec {
        /// Format or codec.
        what: String,
    },
    /// The sample rate is out of range.
    #[error("sample rate {rate} Hz is not supported (4000 to 768000 Hz are)")]
    UnsupportedRate {
        /// Sample rate in Hz, from the header.
        rate: u32,
    },
    /// The number of channels is out of range.
    #[error("{channels} channels are not supported (1 to 64 are)")]
    UnsupportedChannels {
        /// Number of channels, from the header.
        channels: usize,
    },
    /// The requested channel does not exist.
    #[error("there is no channel {channel}: the file has {channels}, counted from 0")]
    NoSuchChannel {
        /// Channel, counted from 0.
        channel: u16,
        /// Number of channels of the file.
        channels: usize,
    },
    /// The number of channels changes while channels are split.
    #[error("the number of channels changes from {from} to {to}, which splitting channels does not support")]
    ChannelsChanged {
        /// Number of channels before the change.
        from: usize,
        /// Number of channels after the change.
        to: usize,
        /// Seconds of audio decoded before the change.
        position: f64,
    },
    /// The damage left nothing to decode.
    #[error("the file is damaged: {what}")]
    Corrupt {
        /// Message of the parser or decoder.
        what: String,
        /// Seconds of audio decoded before the error.
        position: Option<f64>,
    },
    /// The audio is longer than allowed.
    #[error("the audio is longer than {limit_seconds} s")]
    TooLong {
        /// Limit in seconds.
        limit_seconds: f64,
    },
    /// The resampler could not be created or rejected its input.
    #[error("failed to resample from {rate} Hz: {what}")]
    Resample {
        /// Sample rate of the input in Hz.
        rate: u32,
        /// Message of the resampler.
        what: String,
    },
}

impl AudioError {
    /// Converts the error of an `open` or `read`.
    pub fn from_io(source: io::Error, position: Option<f64>) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            _ => Self::Read { source, position },
        }
    }

    /// Failure reason for reports.
    pub fn reason(&self) -> FailureReason {
        match self {
            Self::NotFound => FailureReason::NotFound,
            Self::PermissionDenied => FailureReason::PermissionDenied,
            Self::NotAFile | Self::NotAudio => FailureReason::NotAudio,
            Self::Read { .. } => FailureReason::ReadFailed,
            Self::SourceChanged { .. } => FailureReason::SourceChanged,
            Self::NoBytes | Self::NoFrames => FailureReason::Empty,
            Self::NoAudioTrack => FailureReason::NoAudioTrack,
            Self::UnsupportedCodec { .. } => FailureReason::UnsupportedCodec,
            Self::UnsupportedRate { .. }
            | Self::UnsupportedChannels { .. }
            | Self::NoSuchChannel { .. }
            | Self::ChannelsChanged { .. }
            | Self::Resample { .. } => FailureReason::UnsupportedAudio,
            Self::Corrupt { .. } => FailureReason::Corrupt,
            Self::TooLong { .. } => FailureReason::TooLong,
        }
    }

    /// Seconds of audio decoded before the error, if known.
    pub fn position(&self) -> Option<f64> {
        match self {
            Self::Read { position, .. } | Self::Corrupt { position, .. } => *position,
            Self::SourceChanged { position } | Self::ChannelsChanged { position, .. } => Some(*position),
            Self::TooLong { limit_seconds } => Some(*limit_seconds),
            _ => None,
        }
    }
}

impl From<AudioError> for Failure {
    fn from(error: AudioError) -> Self {
        Self { reason: error.reason(), message: error.to_string(), position_seconds: error.position() }
    }
}
