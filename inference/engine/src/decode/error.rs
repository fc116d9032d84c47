//! What can go wrong between a file and its samples, and how reports name it.

use std::io;

use thiserror::Error;

use verbatim_protocol::failure::{Failure, FailureReason};

/// Why a file's audio could not be opened, or not be read on.
#[derive(Debug, Error)]
pub enum AudioError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// The file may not be read.
    #[error("permission denied")]
    PermissionDenied,
    /// A directory, a device, a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// Opening or reading failed in another way.
    #[error("failed to read: {source}")]
    Read {
        /// What the operating system said.
        source: io::Error,
        /// Seconds of audio decoded before.
        position: Option<f64>,
    },
    /// The file's length or modification time changed between opening it and reading its end.
    #[error("the file changed while it was read")]
    SourceChanged {
        /// Seconds of audio decoded before that was noticed.
        position: f64,
    },
    /// No bytes.
    #[error("the file is empty")]
    NoBytes,
    /// A whole container without a single audio frame.
    #[error("the file has no audio frames")]
    NoFrames,
    /// Not of any format that we know.
    #[error("not an audio or video format that is known")]
    NotAudio,
    /// A container without an audio track.
    #[error("the file has no audio track")]
    NoAudioTrack,
    /// A known format or codec that cannot be decoded.
    #[error("{what} is not supported")]
    UnsupportedCodec {
        /// The format or codec.
        what: String,
    },
    /// Sample rate that cannot be speech.
    #[error("sample rate {rate} Hz is not supported (4000 to 768000 Hz are)")]
    UnsupportedRate {
        /// In Hz, from the header.
        rate: u32,
    },
    /// No channel, or too many.
    #[error("{channels} channels are not supported (1 to 64 are)")]
    UnsupportedChannels {
        /// From the header.
        channels: usize,
    },
    /// One channel was asked for, and the file does not have it.
    #[error("there is no channel {channel}: channels count from 0, and the file has {channels}")]
    NoSuchChannel {
        /// The channel, from 0.
        channel: u16,
        /// Channels of the file.
        channels: usize,
    },
    /// Channels were to be transcribed apart, and their number changes.
    #[error("the number of channels changes from {from} to {to}, and channels are to be kept apart")]
    ChannelsChanged {
        /// Channels so far.
        from: usize,
        /// Channels from here on.
        to: usize,
        /// Seconds of audio decoded before the change.
        position: f64,
    },
    /// Damage that left nothing to decode.
    #[error("the file is damaged: {what}")]
    Corrupt {
        /// What the parser or decoder said.
        what: String,
        /// Seconds of audio decoded before.
        position: Option<f64>,
    },
    /// The decoder or demuxer panicked.
    #[error("the file is damaged: its decoder panicked: {what}")]
    Panicked {
        /// The panic's message.
        what: String,
        /// Seconds of audio decoded before.
        position: Option<f64>,
    },
    /// More audio than allowed.
    #[error("the audio is longer than {limit_seconds} s")]
    TooLong {
        /// The limit.
        limit_seconds: f64,
    },
    /// The resampler could not be built or refused its input.
    #[error("failed to resample from {rate} Hz: {what}")]
    Resample {
        /// Sample rate of the input in Hz.
        rate: u32,
        /// What the resampler said.
        what: String,
    },
}

impl AudioError {
    /// The error for a failed `open` or `read`.
    pub fn from_io(source: io::Error, position: Option<f64>) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            _ => Self::Read { source, position },
        }
    }

    /// The reason as reports name it.
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
            Self::Corrupt { .. } | Self::Panicked { .. } => FailureReason::Corrupt,
            Self::TooLong { .. } => FailureReason::TooLong,
        }
    }

    /// Seconds of audio decoded before the error, where known.
    pub fn position(&self) -> Option<f64> {
        match self {
            Self::Read { position, .. }
            | Self::Corrupt { position, .. }
            | Self::Panicked { position, .. } => *position,
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
