//! Mixing of channels to one. No I/O.
//!
//! A mean is wrong for what recorders make: speech in one of eight channels gets 18 dB quieter, channels in
//! antiphase cancel, and noise in a channel without speech is added to the others. This mixer shares one gain
//! among the channels by their levels, as automatic microphone mixers do (D. Dugan, "Automatic microphone
//! mixing", J. Audio Eng. Soc. 23, 1975): the channel in which somebody speaks is heard, and equal channels
//! give their mean. The rules:
//!
//! - The level of a channel is the median energy of its 10 ms frames within 0.4 s, so that clicks do not count.
//! - The centre of film sound counts four times, because dialogue is there; the low-frequency channel is left
//!   out.
//! - A channel that is the inverse of the loudest one is inverted.

use std::collections::VecDeque;

/// Frames per second for levels.
const FRAMES_PER_SECOND: u32 = 100;
/// Frames of the median on each side: 0.2 s. Speech has gaps of 0.1 s between sounds, and clicks are shorter.
const REACH: usize = 20;
/// Factor of the energy of the centre channel.
const CENTRE: f32 = 4.0;
/// Energy that is added to each level, -80 dB: between silent channels the gain is shared evenly.
const FLOOR: f32 = 1e-8;
/// Share of the correlation of the past that is kept from one frame to the next: a time constant of 0.5 s.
const MEMORY: f32 = 0.98;
/// Correlation with the loudest channel below which a channel is its inverse.
const INVERSE: f32 = -0.6;
/// Positions of channels, as FFmpeg numbers them (`AVChannel`).
const FRONT_CENTRE: i32 = 2;
const LOW_FREQUENCY: i32 = 3;

/// Mixer of the channels of one stream. Its output has the same number of samples as its input, and is late by
/// 0.2 s until it is flushed.
#[derive(Debug)]
pub(super) struct Mixer {
    frame: usize,
    factors: Vec<f32>,
    /// Samples that are not mixed yet, by channel.
    pending: Vec<VecDeque<f32>>,
    /// Energies of the frames around the next one to mix, by channel. The first is `REACH` frames older.
    energies: Vec<VecDeque<f32>>,
    /// Number of frames whose energy is known and that are not mixed yet.
    measured: usize,
    /// Leaky sums of the products of each channel and the loudest, and of the squares of each channel.
    products: Vec<Vec<f32>>,
    gains: Vec<f32>,
    /// Frames in which a channel was inverted.
    inverted_frames: u64,
}

impl Mixer {
    /// Mixer of channels at `rate` Hz with these positions.
    pub(super) fn new(rate: u32, positions: &[i32]) -> Self {
        let surround = positions.len() > 2;
        let factors = positions.iter().map(|&position| match position {
            LOW_FREQUENCY if surround => 0.0,
            FRONT_CENTRE if surround => CENTRE,
            _ => 1.0,
        });
        let count = positions.len();
        Self {
            frame: (rate / FRAMES_PER_SECOND).max(1) as usize,
            factors: factors.collect(),
            pending: vec![VecDeque::new(); count],
            energies: vec![VecDeque::new(); count],
            measured: 0,
            products: vec![vec![0.0; count]; count],
            gains: Vec::new(),
            inverted_frames: 0,
        }
    }

    /// Adds samples by channel, and appends what is mixed to `out`.
    pub(super) fn push(&mut self, planes: &[Vec<f32>], out: &mut Vec<f32>) {
        self.pending.iter_mut().zip(planes).for_each(|(pending, plane)| pending.extend(plane));
        while self.pending.first().is_some_and(|first| first.len() >= (self.measured + 1) * self.frame) {
            self.measure(self.frame);
            if self.measured > REACH {
                self.mix(self.frame, out);
            }
        }
    }

    /// Appends the rest to `out`, after the last samples.
    pub(super) fn flush(&mut self, out: &mut Vec<f32>) {
        let left = self.pending.first().map_or(0, VecDeque::len) - self.measured * self.frame;
        if left > 0 {
            self.measure(left);
        }
        while self.measured > 0 {
            let frame = self.frame.min(self.pending[0].len());
            self.mix(frame, out);
        }
    }

    /// Seconds in which a channel was the inverse of the loudest one.
    pub(super) fn inverted_seconds(&self) -> f64 {
        self.inverted_frames as f64 / f64::from(FRAMES_PER_SECOND)
    }

    /// Measures the next frame of `length` samples.
    fn measure(&mut self, length: usize) {
        let from = self.measured * self.frame;
        for (pending, energies) in self.pending.iter().zip(&mut self.energies) {
            let sum: f32 = pending.range(from..from + length).map(|sample| sample * sample).sum();
            energies.push_back(sum / length as f32);
        }
        self.measured += 1;
    }

    /// Mixes the oldest frame.
    fn mix(&mut self, length: usize, out: &mut Vec<f32>) {
        let levels: Vec<f32> =
            self.energies.iter().zip(&self.factors).map(|(e, factor)| factor * (median(e) + FLOOR)).collect();
        let sum: f32 = levels.iter().sum();
        let mut targets: Vec<f32> = levels.iter().map(|level| level / sum).collect();
        self.invert(length, &mut targets);
        if self.gains.is_empty() {
            self.gains.clone_from(&targets);
        }
        let start = out.len();
        out.resize(start + length, 0.0);
        for ((pending, gain), target) in self.pending.iter_mut().zip(&mut self.gains).zip(&targets) {
            let step = (target - *gain) / length as f32;
            for (n, (mixed, sample)) in out[start..].iter_mut().zip(pending.drain(..length)).enumerate() {
                *mixed += sample * (*gain + step * (n + 1) as f32);
            }
            *gain = *target;
        }
        for energies in &mut self.energies {
            // The frame in the middle of the window is now the oldest but `REACH`.
            if energies.len() > self.measured + REACH - 1 {
                energies.pop_front();
            }
        }
        self.measured -= 1;
    }

    /// Negates the gain of each channel that is the inverse of the one with the largest gain.
    fn invert(&mut self, length: usize, targets: &mut [f32]) {
        for (row, (a, products)) in self.pending.iter().zip(&mut self.products).enumerate() {
            for (b, product) in self.pending.iter().zip(products).skip(row) {
                let now: f32 = a.range(..length).zip(b.range(..length)).map(|(a, b)| a * b).sum();
                *product = *product * MEMORY + now;
            }
        }
        let largest = (0..targets.len()).max_by(|&a, &b| targets[a].total_cmp(&targets[b])).unwrap_or(0);
        let mut inverted = false;
        for (channel, target) in targets.iter_mut().enumerate() {
            // The rows hold the half above the diagonal.
            let product = self.products[channel.min(largest)][channel.max(largest) - channel.min(largest)];
            let squares = self.products[channel][0] * self.products[largest][0];
            if product < INVERSE * squares.sqrt() {
                *target = -*target;
                inverted = true;
            }
        }
        self.inverted_frames += u64::from(inverted);
    }
}

fn median(energies: &VecDeque<f32>) -> f32 {
    let mut sorted: Vec<f32> = energies.iter().copied().collect();
    let middle = sorted.len() / 2;
    let (_, median, _) = sorted.select_nth_unstable_by(middle, f32::total_cmp);
    *median
}
