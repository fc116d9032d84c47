//! Resampling of a stream from the file's rate to 16 kHz. No I/O.
//!
//! The filter is rubato's FFT resampler. It gets blocks of a fixed length, so that the result does not depend
//! on how the samples arrive. Its delay is removed from the start, and the end is flushed: events keep their
//! position, and `n` frames become `n * 16000 / rate`, rounded.

use std::collections::VecDeque;

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::audio::error::AudioError;
use crate::audio::sample_rate::SAMPLE_RATE;

/// Approximate output frames of one FFT block: 64 ms. It sets the length of the filter and thus its slope:
/// with 1024 the pass band ends above 7.6 kHz, and frequencies above 8 kHz are attenuated by 80 dB.
const BLOCK: usize = 1024;

/// Resampler for one or more channels of one sample rate.
pub struct Resampler {
    rate: u32,
    /// `None` at 16 kHz: samples pass unchanged.
    fft: Option<Fft<f32>>,
    /// Samples that do not fill a block yet, by channel.
    pending: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    /// Output frames of the filter's delay that are still to be dropped.
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
    /// Creates a resampler from `rate` Hz.
    ///
    /// # Errors
    /// [`AudioError::Resample`] for a rate that cannot be converted.
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
            pending: vec![Vec::new(); channels],
            output: vec![vec![0.0; out]; channels],
            delay_left,
            frames_in: 0,
            frames_out: 0,
        })
    }

    /// Input sample rate in Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Adds samples (one vector per channel, all of the same length), and appends the complete output to
    /// `out`.
    ///
    /// # Errors
    /// [`AudioError::Resample`].
    pub fn push(&mut self, planes: &[Vec<f32>], out: &mut [VecDeque<f32>]) -> Result<(), AudioError> {
        self.frames_in += planes.first().map_or(0, Vec::len) as u64;
        if self.fft.is_none() {
            out.iter_mut().zip(planes).for_each(|(out, plane)| out.extend(plane));
            return Ok(());
        }
        self.pending.iter_mut().zip(planes).for_each(|(pending, plane)| pending.extend_from_slice(plane));
        self.run(out, u64::MAX)
    }

    /// Appends the remaining output after the last samples. The resampler must not be used afterwards.
    ///
    /// # Errors
    /// [`AudioError::Resample`].
    pub fn flush(&mut self, out: &mut [VecDeque<f32>]) -> Result<(), AudioError> {
        let Some(fft) = &self.fft else { return Ok(()) };
        let block = fft.input_frames_next();
        let rate = u64::from(self.rate);
        let end = (self.frames_in * u64::from(SAMPLE_RATE) + rate / 2) / rate;
        while self.frames_out < end {
            for pending in &mut self.pending {
                pending.resize(pending.len().next_multiple_of(block).max(block), 0.0);
            }
            self.run(out, end)?;
        }
        Ok(())
    }

    /// Processes all complete blocks; emits no frame beyond `end`.
    fn run(&mut self, out: &mut [VecDeque<f32>], end: u64) -> Result<(), AudioError> {
        let Some(fft) = &mut self.fft else { return Ok(()) };
        let failed = |what: String| AudioError::Resample { rate: self.rate, what };
        let block = fft.input_frames_next();
        let channels = self.pending.len();
        let mut done = 0;
        while self.pending.first().is_some_and(|w| w.len() - done >= block) {
            let input = SequentialSliceOfVecs::new(&self.pending, channels, done + block)
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
        self.pending.iter_mut().for_each(|w| {
            w.drain(..done);
        });
        Ok(())
    }
}

/// Maximum input frames of a block. Every rate up to 200 kHz fits, even unusual ones, and every common rate
/// above. The transform of a block of this length takes about 70 MB.
const MAX_INPUT_BLOCK: u64 = 400_000;

/// Input frames of one block: a whole number that gives a whole number of about [`BLOCK`] output frames. Both
/// are even, because the delay of the filter is half of them and has to be whole too.
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
