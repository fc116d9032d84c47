//! Errors of FFmpeg.

use thiserror::Error;

/// Error code of FFmpeg, with its message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Error {
    /// Negative error code: of the operating system, or four characters.
    pub code: i32,
    /// FFmpeg's description.
    pub message: String,
}

/// Error code of four characters, as `libavutil/error.h` makes them.
const fn tag(characters: [u8; 4]) -> i32 {
    -i32::from_le_bytes(characters)
}

impl Error {
    /// Whether no demuxer recognises the content, or the content is invalid.
    pub fn is_invalid_data(&self) -> bool {
        self.code == tag(*b"INDA")
    }

    /// Whether FFmpeg lacks what the file needs: a decoder, a demuxer, or a variant of a format.
    pub fn is_unsupported(&self) -> bool {
        [tag(*b"PAWE"), tag([0xf8, b'D', b'E', b'C']), tag([0xf8, b'D', b'E', b'M'])].contains(&self.code)
    }

    /// Whether the file ends too early.
    pub fn is_end(&self) -> bool {
        self.code == tag(*b"EOF ")
    }
}
