//! Decoding with Symphonia: from a file to blocks of samples at the file's own rate.

mod catch_panic;
pub(crate) mod decoder;
mod demux;
mod end_of_stream;
pub(crate) mod sniff;
pub(crate) mod source;
mod wav_header;
mod wav_packets;
