//! Decoding with FFmpeg: from a file to blocks of samples at the file's own rate.

mod adts;
pub(crate) mod decoder;
mod demux;
mod end_of_stream;
mod ogg;
pub(crate) mod sniff;
pub(crate) mod source;
mod stall;
mod timeline;
mod wav_header;
