//! From a file's own rate to 16 kHz, as a stream. No I/O.
//!
//! The filter is rubato's FFT resampler, fed in blocks of one fixed length, so that the result does not depend on
//! how the samples arrived. Its delay is taken off the start and the end is flushed: an event stays where it was,
//! and `n` frames become `n * 16000 / rate`, rounded.

use std::collections::VecDeque;

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::audio::SAMPLE_RATE;
use crate::decode::AudioError;

/// Output frames of one FFT block, about: 64 ms. It sets the filter's length, and so its edge: with 1024 the pass
/// band ends above 7.6 kHz and what lies beyond 8 kHz is 80 dB down.
const BLOCK: usize = 1024;

/// A resampler for one or more channels of one rate.
pub struct Resampler {
    rate: u32,
    /// `None` at 16 kHz: samples pass untouched.
    fft: Option<Fft<f32>>,
    /// Samples that do not fill a block yet, by channel.
    waiting: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    /// Output frames of the filter's delay that still have to be dropped.
    delay_left: usize,
    frames_in: u64,
    frames_out: u64,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("rate", &self.rate).field("frames_in", &self.frames_in).finish()
    }
}

impl Resampler {
    /// A resampler from `rate` Hz for this many channels.
    pub fn new(rate: u32, channels: usize) -> Result<Self, AudioError> {
        let fft = if rate == SAMPLE_RATE {
            None
        } else {
            let chunk = input_block(rate)?;
            let fft = Fft::new(rate as usize, SAMPLE_RATE as usize, chunk, channels, FixedSync::Both)
                .map_err(|e| AudioError::Resample { rate, what: e.to_string() })?;
            Some(fft)
        };
        let delay_left = fft.as_ref().map_or(0, |f| f.output_delay());
        let out = fft.as_ref().map_or(0, |f| f.output_frames_max());
        Ok(Self {
            rate,
            fft,
            waiting: vec![Vec::new(); channels],
            output: vec![vec![0.0; out]; channels],
            delay_left,
            frames_in: 0,
            frames_out: 0,
        })
    }

    /// The rate that it takes, in Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes samples (one slice for each channel, all of one length) and appends what is ready to `out`.
    pub fn push(&mut self, planes: &[Vec<f32>], out: &mut [VecDeque<f32>]) -> Result<(), AudioError> {
        self.frames_in += planes.first().map_or(0, Vec::len) as u64;
        if self.fft.is_none() {
            out.iter_mut().zip(planes).for_each(|(out, plane)| out.extend(plane));
            return Ok(());
        }
        self.waiting.iter_mut().zip(planes).for_each(|(waiting, plane)| waiting.extend_from_slice(plane));
        self.run(out, u64::MAX)
    }

    /// Appends the rest, after the last samples. The resampler is of no use afterwards.
    pub fn flush(&mut self, out: &mut [VecDeque<f32>]) -> Result<(), AudioError> {
        let Some(fft) = &self.fft else { return Ok(()) };
        let block = fft.input_frames_next();
        let rate = u64::from(self.rate);
        let end = (self.frames_in * u64::from(SAMPLE_RATE) + rate / 2) / rate;
        while self.frames_out < end {
            for waiting in &mut self.waiting {
                waiting.resize(waiting.len().next_multiple_of(block).max(block), 0.0);
            }
            self.run(out, end)?;
        }
        Ok(())
    }

    /// Works off all whole blocks; gives out no frame beyond `end`.
    fn run(&mut self, out: &mut [VecDeque<f32>], end: u64) -> Result<(), AudioError> {
        let Some(fft) = &mut self.fft else { return Ok(()) };
        let failed = |what: String| AudioError::Resample { rate: self.rate, what };
        let block = fft.input_frames_next();
        let channels = self.waiting.len();
        let mut done = 0;
        while self.waiting.first().is_some_and(|w| w.len() - done >= block) {
            let input = SequentialSliceOfVecs::new(&self.waiting, channels, done + block)
                .map_err(|e| failed(e.to_string()))?;
            let frames = fft.output_frames_next();
            let mut output = SequentialSliceOfVecs::new_mut(&mut self.output, channels, frames)
                .map_err(|e| failed(e.to_string()))?;
            let from = rubato::Indexing { input_offset: done, ..rubato::Indexing::default() };
            let (_, made) = fft
                .process_into_buffer(&input, &mut output, Some(&from))
                .map_err(|e| failed(e.to_string()))?;
            done += block;
            let skip = self.delay_left.min(made);
            self.delay_left -= skip;
            let keep = ((made - skip) as u64).min(end.saturating_sub(self.frames_out)) as usize;
            for (out, made) in out.iter_mut().zip(&self.output) {
                out.extend(&made[skip..skip + keep]);
            }
            self.frames_out += keep as u64;
        }
        self.waiting.iter_mut().for_each(|w| {
            w.drain(..done);
        });
        Ok(())
    }
}

/// Longest block in input frames: every rate up to 200 kHz fits, however odd, and every usual one above. A block of
/// this length takes some 70 MB for its transform.
const MAX_INPUT_BLOCK: u64 = 400_000;

/// Input frames of one block: as many as make some [`BLOCK`] output frames, a whole number of both. Both numbers
/// are even, because the filter's delay is half of them and has to be a whole number of frames too.
fn input_block(rate: u32) -> Result<usize, AudioError> {
    let divisor = gcd(u64::from(rate), u64::from(SAMPLE_RATE));
    let (input, output) = (u64::from(rate) / divisor, u64::from(SAMPLE_RATE) / divisor);
    let block = input * 2 * (BLOCK as u64).div_ceil(2 * output);
    if block > MAX_INPUT_BLOCK {
        return Err(AudioError::Resample { rate, what: "no block of samples fits both rates".into() });
    }
    Ok(block as usize)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
