//! Packets of RIFF/WAVE, RF64 and BW64 files.

use std::io::{self, BufReader, Read};

use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use crate::audio::decode::source::Window;
use crate::audio::decode::wav_header::{WavLayout, frames_per_packet};

/// Packets of the samples of a WAVE file.
#[derive(Debug)]
pub(super) struct WavPackets {
    reader: BufReader<Window>,
    layout: WavLayout,
    frame: u64,
}

impl WavPackets {
    /// Creates the packets; `samples` is the part of the file from the layout's `start` to its `end`.
    pub(super) fn new(samples: Window, layout: WavLayout) -> Self {
        // 64 KiB hold a whole packet of most files, or about 4 s of telephone speech.
        Self { reader: BufReader::with_capacity(64 << 10, samples), layout, frame: 0 }
    }

    /// Next packet of whole blocks; `None` at the end, where an incomplete block is dropped.
    pub(super) fn next_packet(&mut self) -> io::Result<Option<Packet>> {
        let WavLayout { block_bytes, frames_per_block, .. } = self.layout;
        let want = frames_per_packet(frames_per_block) / frames_per_block * block_bytes;
        let mut data = Vec::with_capacity(usize::try_from(want).unwrap_or(0));
        self.reader.by_ref().take(want).read_to_end(&mut data)?;
        let blocks = data.len() as u64 / block_bytes;
        if blocks == 0 {
            return Ok(None);
        }
        data.truncate(usize::try_from(blocks * block_bytes).unwrap_or(usize::MAX));
        let frames = blocks * frames_per_block;
        let pts = Timestamp::new(i64::try_from(self.frame).unwrap_or(i64::MAX));
        self.frame += frames;
        Ok(Some(Packet::new(0, pts, Duration::new(frames), data)))
    }
}
