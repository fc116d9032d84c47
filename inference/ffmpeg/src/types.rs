//! What goes into FFmpeg, and what comes out of it.

use std::io::{Read, Seek};

/// Format that is not found by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format<'a> {
    /// FFmpeg's name of the demuxer.
    pub name: &'a str,
    /// Options of the demuxer, as `name=value:name=value`.
    pub options: &'a str,
}

/// Stream of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Whether it is audio.
    pub is_audio: bool,
    /// Whether the file marks it as the one to play.
    pub is_default: bool,
    /// Whether there is a decoder of its codec.
    pub has_decoder: bool,
    /// Sample rate in Hz by its header; 0 if unknown.
    pub rate: u32,
    /// Number of channels by its header; 0 if unknown.
    pub channels: usize,
    /// Time of its first packet in seconds.
    pub start: Option<f64>,
    /// Duration in seconds; see [`Input::is_estimated`].
    pub duration: Option<f64>,
    /// FFmpeg's name of its codec.
    pub codec: String,
    /// Language by the header, as a rule three letters.
    pub language: Option<String>,
}

/// Block of decoded audio.
#[derive(Debug)]
pub struct Block {
    /// Sample rate in Hz.
    pub rate: u32,
    /// Samples by channel, all of the same length; full scale is 1.
    pub planes: Vec<Vec<f32>>,
    /// Position of each channel: FFmpeg's `AVChannel`, for example 3 for the low-frequency channel.
    pub positions: Vec<i32>,
    /// Time of the first frame in seconds, on the file's clock.
    pub time: Option<f64>,
}

/// What a decoder gives.
#[derive(Debug)]
pub enum Received {
    /// Block of audio.
    Block(Block),
    /// Nothing until the next packet is sent.
    Again,
    /// Nothing more after the end of the stream.
    End,
}

/// Bytes of a file.
pub trait Source: Read + Seek + Send {
    /// Length in bytes; `None` if the source cannot seek.
    fn length(&self) -> Option<u64>;
}

impl Source for std::fs::File {
    fn length(&self) -> Option<u64> {
        self.metadata().ok().map(|metadata| metadata.len())
    }
}
