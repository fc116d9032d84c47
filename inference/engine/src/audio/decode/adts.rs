//! Frames of an ADTS stream without the damage between them.
//!
//! FFmpeg goes on at the next two bytes that look like a header, with the length that they give: damage of
//! 600 bytes can cost 8 KB. Here a header counts only if another one follows its frame, or the end.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use verbatim_ffmpeg::Source;

use crate::audio::decode::sniff;
use crate::audio::decode::source::{ReadLog, Window};

/// Bytes of a header that [`sniff::frame`] needs.
const HEADER: usize = 6;
/// Maximum length of a frame: its field has 13 bits.
const MAX_FRAME: usize = 1 << 13;

/// Source of whole frames. It cannot seek.
#[derive(Debug)]
pub(super) struct AdtsFrames {
    window: Window,
    log: Arc<ReadLog>,
    /// Bytes that were read and not passed on.
    ahead: VecDeque<u8>,
    /// Bytes at the front of `ahead` that belong to a frame.
    frame: usize,
    /// Bytes that were skipped since the last frame.
    skipped: u64,
    has_frames: bool,
}

impl AdtsFrames {
    pub(super) fn new(window: Window, log: Arc<ReadLog>) -> Self {
        Self { window, log, ahead: VecDeque::new(), frame: 0, skipped: 0, has_frames: false }
    }

    /// Finds the next frame. Returns its length; 0 at the end of the file.
    fn next_frame(&mut self) -> io::Result<usize> {
        loop {
            if self.ahead.len() < MAX_FRAME + HEADER {
                let mut more = vec![0; 4 * MAX_FRAME];
                let got = self.window.read(&mut more)?;
                self.ahead.extend(&more[..got]);
                if got > 0 {
                    continue;
                }
            }
            match self.length_at(0) {
                Some(length) if length >= self.ahead.len() || self.length_at(length).is_some() => {
                    if self.has_frames {
                        self.log.add_skipped(self.skipped);
                    }
                    (self.skipped, self.has_frames) = (0, true);
                    return Ok(length.min(self.ahead.len()));
                }
                _ if self.ahead.pop_front().is_none() => return Ok(0),
                _ => self.skipped += 1,
            }
        }
    }

    fn length_at(&self, at: usize) -> Option<usize> {
        let header: Vec<u8> = self.ahead.iter().skip(at).take(HEADER).copied().collect();
        (header.len() == HEADER).then(|| sniff::frame(&header)).flatten().map(|(length, _)| length)
    }
}

impl Read for AdtsFrames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.frame == 0 {
            self.frame = self.next_frame()?;
        }
        let count = self.frame.min(buf.len());
        for (to, from) in buf.iter_mut().zip(self.ahead.drain(..count)) {
            *to = from;
        }
        self.frame -= count;
        Ok(count)
    }
}

impl Seek for AdtsFrames {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Source for AdtsFrames {
    fn length(&self) -> Option<u64> {
        None
    }
}
