//! FFmpeg's demuxers and audio decoders, for files of any origin.
//!
//! Input comes only from a [`Source`]: FFmpeg opens nothing itself. All `unsafe` code is in `ffi.rs`; what it
//! calls is `shim.c`, which is compiled against the headers of the FFmpeg that is linked.

mod error;
mod ffi;
mod types;

pub use error::Error;
pub use ffi::{Decoder, Input};
pub use types::{Block, Format, Received, Source, Stream};
