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
    /// Samples from the oldest frame on that is not mixed yet, by channel.
    pending: Vec<Vec<f32>>,
    /// Samples at the front of `pending` that are mixed.
    mixed: usize,
    /// Energies of the frames around the next one to mix, by channel. The first is `REACH` frames older.
    energies: Vec<VecDeque<f32>>,
    /// Products of the channels in each frame that is measured and not mixed.
    products: VecDeque<Products>,
    /// Leaky sum of the products.
    correlation: Products,
    gains: Vec<f32>,
    /// Part of a change of gain at each sample of a frame.
    ramp: Vec<f32>,
    /// Frames in which a channel was inverted.
    inverted_frames: u64,
}

/// Sums of the products of two channels: the half above the diagonal, row by row.
type Products = Vec<f32>;

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
            pending: vec![Vec::new(); count],
            mixed: 0,
            energies: vec![VecDeque::new(); count],
            products: VecDeque::new(),
            correlation: vec![0.0; count * (count + 1) / 2],
            gains: Vec::new(),
            ramp: Vec::new(),
            inverted_frames: 0,
        }
    }

    /// Adds samples by channel, and appends what is mixed to `out`.
    pub(super) fn push(&mut self, planes: &[Vec<f32>], out: &mut Vec<f32>) {
        self.pending.iter_mut().zip(planes).for_each(|(pending, plane)| pending.extend_from_slice(plane));
        while self.unmeasured() >= self.frame {
            self.measure(self.frame);
            if self.products.len() > REACH {
                self.mix(self.frame, out);
            }
        }
        self.pending.iter_mut().for_each(|pending| drop(pending.drain(..self.mixed)));
        self.mixed = 0;
    }

    /// Appends the rest to `out`, after the last samples.
    pub(super) fn flush(&mut self, out: &mut Vec<f32>) {
        let left = self.unmeasured();
        if left > 0 {
            self.measure(left);
        }
        while !self.products.is_empty() {
            let left = self.pending.first().map_or(0, Vec::len) - self.mixed;
            self.mix(self.frame.min(left), out);
        }
    }

    /// Seconds in which a channel was the inverse of the loudest one.
    pub(super) fn inverted_seconds(&self) -> f64 {
        self.inverted_frames as f64 / f64::from(FRAMES_PER_SECOND)
    }

    fn unmeasured(&self) -> usize {
        self.pending.first().map_or(0, Vec::len) - self.mixed - self.products.len() * self.frame
    }

    /// Measures the next frame of `length` samples.
    fn measure(&mut self, length: usize) {
        let from = self.mixed + self.products.len() * self.frame;
        let frames: Vec<&[f32]> = self.pending.iter().map(|pending| &pending[from..from + length]).collect();
        let mut products = Vec::with_capacity(self.correlation.len());
        for (channel, (a, energies)) in frames.iter().zip(&mut self.energies).enumerate() {
            products.extend(frames[channel..].iter().map(|b| dot(a, b)));
            energies.push_back(products[diagonal(frames.len(), channel)] / length as f32);
        }
        self.products.push_back(products);
    }

    /// Mixes the oldest frame.
    fn mix(&mut self, length: usize, out: &mut Vec<f32>) {
        let levels = self.energies.iter().zip(&self.factors).map(|(e, factor)| factor * (median(e) + FLOOR));
        let levels: Vec<f32> = levels.collect();
        let sum: f32 = levels.iter().sum();
        let mut targets: Vec<f32> = levels.iter().map(|level| level / sum).collect();
        self.invert(&mut targets);
        if self.gains.is_empty() {
            self.gains.clone_from(&targets);
        }
        let start = out.len();
        out.resize(start + length, 0.0);
        if self.ramp.len() != length {
            self.ramp = (1..=length).map(|n| n as f32 / length as f32).collect();
        }
        for ((pending, gain), target) in self.pending.iter().zip(&mut self.gains).zip(&targets) {
            let change = target - *gain;
            let samples = &pending[self.mixed..self.mixed + length];
            for ((mixed, sample), ramp) in out[start..].iter_mut().zip(samples).zip(&self.ramp) {
                *mixed += sample * (*gain + change * ramp);
            }
            *gain = *target;
        }
        self.mixed += length;
        for energies in &mut self.energies {
            // The frame in the middle of the window is now the oldest but `REACH`.
            if energies.len() > self.products.len() + REACH {
                energies.pop_front();
            }
        }
    }

    /// Negates the gain of each channel that is the inverse of the one with the largest gain.
    fn invert(&mut self, targets: &mut [f32]) {
        let now = self.products.pop_front().unwrap_or_default();
        for (sum, product) in self.correlation.iter_mut().zip(&now) {
            *sum = *sum * MEMORY + product;
        }
        let count = targets.len();
        let largest = (0..count).max_by(|&a, &b| targets[a].total_cmp(&targets[b])).unwrap_or(0);
        let square = |channel: usize| self.correlation[diagonal(count, channel)];
        let mut inverted = false;
        for (channel, target) in targets.iter_mut().enumerate() {
            let (first, second) = (channel.min(largest), channel.max(largest));
            let product = self.correlation[diagonal(count, first) + second - first];
            if product < INVERSE * (square(channel) * square(largest)).sqrt() {
                *target = -*target;
                inverted = true;
            }
        }
        self.inverted_frames += u64::from(inverted);
    }
}

/// Index of the square of a channel in [`Products`] of `count` channels.
fn diagonal(count: usize, channel: usize) -> usize {
    channel * count - channel * channel.saturating_sub(1) / 2
}

/// Sum of products, in lanes that the compiler can keep in a vector register.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (mut a, mut b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut a).zip(&mut b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn median(energies: &VecDeque<f32>) -> f32 {
    let mut sorted: Vec<f32> = energies.iter().copied().collect();
    let middle = sorted.len() / 2;
    let (_, median, _) = sorted.select_nth_unstable_by(middle, f32::total_cmp);
    *median
}
