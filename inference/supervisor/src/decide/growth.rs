//! Growth of an engine's memory. Takes samples of memory, time, audio and files; gives slopes with 95 %
//! confidence intervals, and the decision whether the engine grows faster than allowed. One monitor per
//! engine.

use std::time::Duration;

use crate::decide::Decision;
use crate::stats::{Slope, theil_sen};
use verbatim_text::{bytes, elapsed};

/// Files of the warm-up, whose samples are dropped. Without any leak, memory grows until the pools have held
/// the largest batches and every thread has processed a long file; 20 files give each decode worker of a
/// usual machine two or more.
pub const WARM_UP_FILES: u64 = 20;

/// Seconds of audio of the warm-up: two and a half batches of 240 s. The warm-up ends when both are reached:
/// 20 files of 5 s do not fill one batch, and one file of an hour warms up a single decode worker. With long
/// files the warm-up takes hours of audio; until then the soft limit protects, and growth is about slow
/// leaks.
pub const WARM_UP_AUDIO_SECONDS: f64 = 600.0;

/// Most samples kept: their 33 thousand pairs take less than a millisecond.
pub const MAX_SAMPLES: usize = 256;

/// Least samples for a decision: with so many, the interval holds even where errors are far from normal.
pub const MIN_SAMPLES: usize = 30;

/// Least total growth for a decision, in bytes: over a short span, noise of some megabytes looks like
/// gigabytes per hour. A leak at the default limit of 200 MiB per hour reaches it in 5 minutes.
pub const MIN_GAIN: u64 = 16 << 20;

/// Factor by which the interval is widened for a decision. 95 % hold for one test, and an engine is tested
/// thousands of times; with twice the width, one engine in hundreds is replaced for memory that only
/// fluctuates by a fifth, where it was up to one in ten without.
const WIDENING: f64 = 2.0;

/// Seconds in an hour.
const HOUR: f64 = 3600.0;

/// Figures of an engine at one time.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    audio_seconds: f64,
    resident: u64,
}

/// Samples of one engine after its warm-up, spread evenly over its life.
#[derive(Clone, Debug)]
pub struct GrowthMonitor {
    samples: Vec<Sample>,
    /// One sample of this many is kept.
    stride: usize,
    /// Samples to drop before the next one is kept.
    until_next: usize,
}

/// Estimate of the growth of an engine's resident memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthEstimate {
    /// Bytes per hour.
    pub per_hour: Slope,
    /// Bytes per hour of audio; none where no audio was processed in between.
    pub per_audio_hour: Option<Slope>,
    /// Seconds from the first sample to the last.
    pub span_seconds: f64,
    /// Number of samples.
    pub samples: usize,
}

impl Default for GrowthMonitor {
    fn default() -> Self {
        Self::new()
    }
}

impl GrowthMonitor {
    /// A monitor without samples.
    pub fn new() -> Self {
        Self { samples: Vec::new(), stride: 1, until_next: 0 }
    }

    /// Adds a sample: seconds on a monotonic clock, audio and files since the engine's start, and resident
    /// memory in bytes. Samples have to come at even intervals. Those of the warm-up are dropped.
    pub fn push(&mut self, now_seconds: f64, audio_seconds_done: f64, files_done: u64, resident: u64) {
        if files_done < WARM_UP_FILES || audio_seconds_done < WARM_UP_AUDIO_SECONDS {
            return;
        }
        if self.until_next > 0 {
            self.until_next -= 1;
            return;
        }
        if self.samples.len() == MAX_SAMPLES {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            // The number of samples is even: this one comes a whole new stride after the last one left.
            self.stride *= 2;
        }
        self.until_next = self.stride - 1;
        self.samples.push(Sample { seconds: now_seconds, audio_seconds: audio_seconds_done, resident });
    }

    /// Estimate of the growth; none while there are too few samples.
    pub fn estimate(&self) -> Option<GrowthEstimate> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        Some(GrowthEstimate {
            per_hour: self.slope(|sample| sample.seconds / HOUR)?,
            per_audio_hour: self.slope(|sample| sample.audio_seconds / HOUR),
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

/// The slope with its interval widened for autocorrelated samples: memory stays at a level while a batch is
/// processed, so that ten samples may tell no more than one. Where neighbours correlate by r, n samples are
/// worth n (1 - r) / (1 + r) (G. V. Bayley and J. M. Hammersley, 1946; for the test of this slope, K. H.
/// Hamed and A. R. Rao, 1998), and the width of the interval is inversely proportional to the square root of
/// that.
fn widened(slope: Slope, points: &[(f64, f64)]) -> Slope {
    let residuals: Vec<f64> = points.iter().map(|(x, y)| y - slope.estimate * x).collect();
    let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
    let product = |(a, b): (&f64, &f64)| (a - mean) * (b - mean);
    let variance: f64 = residuals.iter().zip(&residuals).map(product).sum();
    let neighbours: f64 = residuals.iter().zip(residuals.iter().skip(1)).map(product).sum();
    // Without variance, 0 / 0 is NaN, and max returns 0.
    let correlation = (neighbours / variance).max(0.0);
    // The sum over neighbours has one term less than the variance: the correlation is below 1.
    let wider = ((1.0 + correlation) / (1.0 - correlation)).sqrt();
    Slope {
        estimate: slope.estimate,
        low: slope.estimate - wider * (slope.estimate - slope.low),
        high: slope.estimate + wider * (slope.high - slope.estimate),
    }
}

/// Whether an engine grows by more than `limit_per_hour` bytes per hour, and is to be replaced; 0 disables
/// the limit.
///
/// The decision needs certainty: not the estimate but the lower end of the widened interval exceeds the
/// limit, growth at that slope makes [`MIN_GAIN`], and there are [`MIN_SAMPLES`].
pub fn growth_exceeded(estimate: &GrowthEstimate, limit_per_hour: u64) -> Option<Decision<()>> {
    let slope = estimate.per_hour;
    let least = slope.estimate - WIDENING * (slope.estimate - slope.low);
    let gained = least * estimate.span_seconds / HOUR;
    let sure = least > limit_per_hour as f64 && gained >= MIN_GAIN as f64 && estimate.samples >= MIN_SAMPLES;
    (limit_per_hour > 0 && sure).then(|| {
        // The conversions saturate.
        let text = |value: f64| bytes(value as u64);
        let span = elapsed(Duration::try_from_secs_f64(estimate.span_seconds).unwrap_or_default());
        let why = format!(
            "memory grows by {} per hour (95 % interval {} to {}; {} samples in {span}), \
             above the limit of {}",
            text(slope.estimate),
            text(slope.low),
            text(slope.high),
            estimate.samples,
            bytes(limit_per_hour)
        );
        Decision::new((), why)
    })
}

#[cfg(test)]
#[path = "growth_tests.rs"]
mod tests;
