//! Whether an engine's memory grows faster than allowed. Takes samples of what it uses and has done; gives slopes over
//! time, audio and files with 95 % intervals, and from them a reason to replace it, or none. One monitor for each engine.

use std::time::Duration;

use super::Decision;
use crate::stats::{Slope, theil_sen};
use verbatim_text::{bytes, elapsed};

/// Files before which memory is not looked at. Memory of an engine that leaks nothing grows until its pools have seen
/// the largest batches and every thread has had a long file; 20 files give each listener of a usual machine two or more.
pub const WARM_UP_FILES: u64 = 20;

/// Seconds of audio before which memory is not looked at: two and a half batches of 240 s. The later of both counts: 20
/// files of 5 s do not fill one batch, and one file of an hour warms one listener alone. With long files that means
/// hours of audio before growth is judged; until then the soft limit is there, and growth is about slow leaks.
pub const WARM_UP_AUDIO_SECONDS: f64 = 600.0;

/// Samples that are kept: 33 thousand pairs of them take less than a millisecond.
pub const MOST_SAMPLES: usize = 256;

/// Samples below which nothing is decided: with so many the interval holds also where errors are far from normal.
pub const LEAST_SAMPLES: usize = 30;

/// What has to be gained in all, in bytes, for sure: over a short span, noise of some megabytes makes gigabytes an hour. A
/// leak at the default limit of 200 MiB an hour takes 5 minutes for it.
pub const LEAST_GAIN: u64 = 16 << 20;

/// How many times as far from the estimate as the interval's lower end the slope may be. 95 % are for one look, and an
/// engine is looked at thousands of times in its life; with twice the width, one engine in hundreds is replaced for memory
/// that only went up and down by a fifth, where it was up to one in ten.
const CAUTION: f64 = 2.0;

/// Seconds in an hour.
const HOUR: f64 = 3600.0;

/// An engine at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    audio_seconds: f64,
    files: u64,
    resident: u64,
}

/// Keeps samples of one engine after it has warmed up, spread evenly over its life.
#[derive(Clone, Debug)]
pub struct GrowthMonitor {
    samples: Vec<Sample>,
    /// One of so many samples is kept.
    stride: usize,
    /// Samples until the next one is kept.
    until_next: usize,
}

/// How an engine's resident memory grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthEstimate {
    /// Bytes an hour.
    pub per_hour: Slope,
    /// Bytes for an hour of audio; none where no more audio was done.
    pub per_audio_hour: Option<Slope>,
    /// Bytes for a file; none where no more files were done.
    pub per_file: Option<Slope>,
    /// Seconds from the first sample to the last.
    pub span_seconds: f64,
    /// Samples that this rests on.
    pub samples: usize,
}

impl Default for GrowthMonitor {
    fn default() -> Self {
        Self::new()
    }
}

impl GrowthMonitor {
    /// No samples yet.
    pub fn new() -> Self {
        Self { samples: Vec::new(), stride: 1, until_next: 0 }
    }

    /// Takes a sample: seconds on a clock that does not go backwards, what the engine has done since it was started, and
    /// its resident memory in bytes. Samples are to come at even intervals. Those of the warm-up are dropped.
    pub fn push(&mut self, now_seconds: f64, audio_seconds_done: f64, files_done: u64, resident: u64) {
        if files_done < WARM_UP_FILES || audio_seconds_done < WARM_UP_AUDIO_SECONDS {
            return;
        }
        if self.until_next > 0 {
            self.until_next -= 1;
            return;
        }
        if self.samples.len() == MOST_SAMPLES {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            // Their number is even: this one comes a whole new stride after the last that is left.
            self.stride *= 2;
        }
        self.until_next = self.stride - 1;
        let sample =
            Sample { seconds: now_seconds, audio_seconds: audio_seconds_done, files: files_done, resident };
        self.samples.push(sample);
    }

    /// How memory grows; none while there are too few samples to say anything.
    pub fn estimate(&self) -> Option<GrowthEstimate> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        Some(GrowthEstimate {
            per_hour: self.slope(|sample| sample.seconds / HOUR)?,
            per_audio_hour: self.slope(|sample| sample.audio_seconds / HOUR),
            per_file: self.slope(|sample| sample.files as f64),
            span_seconds: last.seconds - first.seconds,
            samples: self.samples.len(),
        })
    }

    fn slope(&self, over: impl Fn(&Sample) -> f64) -> Option<Slope> {
        let points: Vec<_> =
            self.samples.iter().map(|sample| (over(sample), sample.resident as f64)).collect();
        let groups = [points];
        theil_sen(&groups).map(|slope| widened(slope, &groups[0]))
    }
}

/// The interval as wide as it has to be for samples that depend on each other: memory stays at a level while a batch is at
/// work, so that ten samples may say no more than one. Where neighbours correlate by r, n samples are worth
/// n (1 - r) / (1 + r) (G. V. Bayley and J. M. Hammersley, 1946; for this slope's test, K. H. Hamed and A. R. Rao,
/// 1998), and an interval is as wide as the root of that is small.
fn widened(slope: Slope, points: &[(f64, f64)]) -> Slope {
    let residuals: Vec<f64> = points.iter().map(|(x, y)| y - slope.estimate * x).collect();
    let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
    let product = |(a, b): (&f64, &f64)| (a - mean) * (b - mean);
    let variance: f64 = residuals.iter().zip(&residuals).map(product).sum();
    let neighbours: f64 = residuals.iter().zip(residuals.iter().skip(1)).map(product).sum();
    // Nothing varies: 0 by 0 is not a number, which max takes for less than 0.
    let correlation = (neighbours / variance).max(0.0);
    // The sum of neighbours has a term less than the variance: the correlation is below 1.
    let wider = ((1.0 + correlation) / (1.0 - correlation)).sqrt();
    Slope {
        estimate: slope.estimate,
        low: slope.estimate - wider * (slope.estimate - slope.low),
        high: slope.estimate + wider * (slope.high - slope.estimate),
    }
}

/// Whether an engine is to be replaced since it grows by more than `limit_per_hour` bytes an hour; 0 switches this off.
///
/// Only where that is sure: not the estimate but what the slope is at the least, well below the interval's lower end, is
/// above the limit, [`LEAST_GAIN`] was gained at that slope, and there are [`LEAST_SAMPLES`].
pub fn growth(estimate: &GrowthEstimate, limit_per_hour: u64) -> Option<Decision<()>> {
    let slope = estimate.per_hour;
    let least = slope.estimate - CAUTION * (slope.estimate - slope.low);
    let gained = least * estimate.span_seconds / HOUR;
    let sure =
        least > limit_per_hour as f64 && gained >= LEAST_GAIN as f64 && estimate.samples >= LEAST_SAMPLES;
    (limit_per_hour > 0 && sure).then(|| {
        // The conversions saturate.
        let words = |value: f64| bytes(value as u64);
        let span = elapsed(Duration::try_from_secs_f64(estimate.span_seconds).unwrap_or_default());
        let why = format!(
            "its memory grows by {} an hour (95 % interval {} to {}; {} samples in {span}), and may by {}",
            words(slope.estimate),
            words(slope.low),
            words(slope.high),
            estimate.samples,
            bytes(limit_per_hour)
        );
        Decision::new((), why)
    })
}

#[cfg(test)]
#[path = "growth_tests.rs"]
mod tests;
