//! Recent growth of an engine's memory: a quick figure for the next seconds, where [`crate::decide::growth`]
//! is the certain one for a decision. Takes samples; gives bytes per second and bytes per file, or 0.

use std::collections::VecDeque;

/// Most samples: those of the last 24 files or more.
const MAX_SAMPLES: usize = 24;

/// Least samples for a rate. With fewer, memory that only fluctuates looks like growth too often.
const MIN_SAMPLES: usize = 12;

/// One of this many slopes, rounded down, may be zero or negative. Of memory that fluctuates at random, so
/// few slopes fall once in a thousand times with [`MIN_SAMPLES`] samples, and once in fifty thousand with
/// [`MAX_SAMPLES`]: of three random numbers in a row, as samples a third apart are, one in six rises twice.
const FALLING_SHARE: usize = 16;

/// Figures of an engine after a file.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    files: u64,
    resident: u64,
}

/// Growth of one engine's memory over its last files.
///
/// Slopes are taken between samples a third of all apart: a leak that shows only every few files is in each
/// of them, while a single step is in half of them and makes no rate. The rate is the median slope, and 0
/// unless nearly all slopes rise.
#[derive(Clone, Debug, Default)]
pub struct RecentGrowth {
    samples: VecDeque<Sample>,
}

impl RecentGrowth {
    /// A rate without samples.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sample: seconds on a monotonic clock, files since the engine's start, and resident memory in
    /// bytes. At most one per file is kept: within a file, memory fluctuates.
    pub fn push(&mut self, now_seconds: f64, files_done: u64, resident: u64) {
        if self.samples.back().is_some_and(|last| files_done <= last.files) {
            return;
        }
        if self.samples.len() == MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { seconds: now_seconds, files: files_done, resident });
    }

    /// Bytes per second; 0 where memory does not clearly grow, or after too few files.
    pub fn per_second(&self) -> f64 {
        self.rate(|earlier, later| later.seconds - earlier.seconds)
    }

    /// Bytes per file; 0 where memory does not clearly grow, or after too few files.
    pub fn per_file(&self) -> f64 {
        self.rate(|earlier, later| later.files.saturating_sub(earlier.files) as f64)
    }

    fn rate(&self, run: impl Fn(&Sample, &Sample) -> f64) -> f64 {
        if self.samples.len() < MIN_SAMPLES {
            return 0.0;
        }
        let apart = self.samples.len() / 3;
        let slope = |(earlier, later): (&Sample, &Sample)| {
            let run = run(earlier, later);
            (run > 0.0).then(|| (later.resident as f64 - earlier.resident as f64) / run)
        };
        let mut slopes: Vec<f64> =
            self.samples.iter().zip(self.samples.iter().skip(apart)).filter_map(slope).collect();
        slopes.sort_by(f64::total_cmp);
        let falling = slopes.iter().filter(|slope| **slope <= 0.0).count();
        if falling > slopes.len() / FALLING_SHARE {
            0.0
        } else {
            slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    const MB: f64 = 1e6;

    /// Rates after some files of 2 s each; `memory` gives MB by file.
    fn rates(files: u64, memory: impl Fn(u64) -> f64) -> (f64, f64) {
        let mut rate = RecentGrowth::new();
        for file in 0..files {
            rate.push(file as f64 * 2.0, file, (memory(file) * MB) as u64);
        }
        (rate.per_second() / MB, rate.per_file() / MB)
    }

    #[test]
    fn a_leak_is_measured() {
        assert_eq!(rates(40, |file| 300.0 + 8.0 * file as f64), (4.0, 8.0));
        assert_eq!(rates(MIN_SAMPLES as u64, |file| 300.0 + 8.0 * file as f64), (4.0, 8.0));
        // Arenas grow in steps.
        let (_, per_file) = rates(40, |file| 300.0 + 64.0 * (file / 4) as f64);
        assert_eq!(per_file, 16.0);
    }

    #[test]
    fn a_leak_is_measured_through_noise() {
        for seed in 0..50 {
            let mut random = StdRng::seed_from_u64(seed);
            let noise: Vec<f64> = (0..40).map(|_| random.random::<f64>() * 20.0).collect();
            let (_, per_file) = rates(40, |file| 300.0 + 8.0 * file as f64 + noise[file as usize]);
            assert!((5.0..11.0).contains(&per_file), "seed {seed}: {per_file}");
        }
    }

    #[test]
    fn without_growth_the_rate_is_zero() {
        assert_eq!(rates(40, |_| 300.0), (0.0, 0.0));
        assert_eq!(rates(40, |file| 900.0 - 8.0 * file as f64), (0.0, 0.0));
        assert_eq!(rates(MIN_SAMPLES as u64 - 1, |file| 300.0 + 8.0 * file as f64), (0.0, 0.0));
        for step_at in 0..40 {
            let rates = rates(40, |file| if file < step_at { 300.0 } else { 500.0 });
            assert_eq!(rates, (0.0, 0.0), "step at {step_at}");
        }
    }

    #[test]
    fn noise_has_no_rate() {
        let mut random = StdRng::seed_from_u64(7);
        let mut rate = RecentGrowth::new();
        for file in 0..5000 {
            rate.push(file as f64, file, ((300.0 + 100.0 * random.random::<f64>()) * MB) as u64);
            assert_eq!((rate.per_second(), rate.per_file()), (0.0, 0.0), "{file}");
        }
    }

    #[test]
    fn samples_within_a_file_are_ignored() {
        let mut rate = RecentGrowth::new();
        for tick in 0..1000_u64 {
            rate.push(tick as f64, tick / 100, tick * 1_000_000);
        }
        assert_eq!(rate.samples.len(), 10);
    }
}
