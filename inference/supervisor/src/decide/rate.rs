//! How fast an engine's memory has grown of late: a quick figure to look some seconds ahead with, where
//! [`super::growth`] is a sure one to judge with. Takes samples; gives bytes a second and bytes for each file, or 0.

use std::collections::VecDeque;

/// Samples that are looked at: those of the last 24 files or more.
const MOST: usize = 24;

/// Samples below which there is no rate. With fewer, memory that only goes up and down looks like growth too often.
const LEAST: usize = 12;

/// One of so many slopes may be none or fall for the others to count, the fraction dropped. Of memory that goes up and
/// down at random, so few fall once in a thousand times with [`LEAST`] samples, once in fifty thousand with [`MOST`]
/// (of three random numbers in a row, as samples a third apart are, one in six rows rises twice).
const MAY_FALL: usize = 16;

/// An engine when it had done a file more.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    files: u64,
    resident: u64,
}

/// The growth of one engine's memory over its last files.
///
/// Slopes are taken between samples that lie a third of all apart: a leak that shows only every few files is in each of
/// them, while a single step up is in half of them and makes no rate. The rate is the median slope, and 0 unless
/// nearly all rise.
#[derive(Clone, Debug, Default)]
pub struct RecentRate {
    samples: VecDeque<Sample>,
}

impl RecentRate {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a sample: seconds on a clock that does not go backwards, files done since the engine was started, and its
    /// resident memory in bytes. One is kept for each file at most: within a file, memory comes and goes.
    pub fn push(&mut self, now_seconds: f64, files_done: u64, resident: u64) {
        if self.samples.back().is_some_and(|last| files_done <= last.files) {
            return;
        }
        if self.samples.len() == MOST {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { seconds: now_seconds, files: files_done, resident });
    }

    /// Bytes a second; 0 where memory does not clearly grow, or too few files are done.
    pub fn growth_per_second(&self) -> f64 {
        self.rate(|earlier, later| later.seconds - earlier.seconds)
    }

    /// Bytes for each file; 0 where memory does not clearly grow, or too few files are done.
    pub fn growth_per_file(&self) -> f64 {
        self.rate(|earlier, later| later.files.saturating_sub(earlier.files) as f64)
    }

    fn rate(&self, run: impl Fn(&Sample, &Sample) -> f64) -> f64 {
        if self.samples.len() < LEAST {
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
        let fall = slopes.iter().filter(|slope| **slope <= 0.0).count();
        if fall > slopes.len() / MAY_FALL {
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

    /// After so many files of 2 s each; memory in MB by file.
    fn rates(files: u64, memory: impl Fn(u64) -> f64) -> (f64, f64) {
        let mut rate = RecentRate::new();
        for file in 0..files {
            rate.push(file as f64 * 2.0, file, (memory(file) * MB) as u64);
        }
        (rate.growth_per_second() / MB, rate.growth_per_file() / MB)
    }

    #[test]
    fn a_leak_is_measured() {
        assert_eq!(rates(40, |file| 300.0 + 8.0 * file as f64), (4.0, 8.0));
        assert_eq!(rates(LEAST as u64, |file| 300.0 + 8.0 * file as f64), (4.0, 8.0));
        // Arenas take memory in steps.
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
    fn no_growth_is_none() {
        assert_eq!(rates(40, |_| 300.0), (0.0, 0.0));
        assert_eq!(rates(40, |file| 900.0 - 8.0 * file as f64), (0.0, 0.0));
        assert_eq!(rates(LEAST as u64 - 1, |file| 300.0 + 8.0 * file as f64), (0.0, 0.0));
        for step_at in 0..40 {
            let rates = rates(40, |file| if file < step_at { 300.0 } else { 500.0 });
            assert_eq!(rates, (0.0, 0.0), "step at {step_at}");
        }
    }

    #[test]
    fn noise_is_no_growth() {
        let mut random = StdRng::seed_from_u64(7);
        let mut rate = RecentRate::new();
        for file in 0..5000 {
            rate.push(file as f64, file, ((300.0 + 100.0 * random.random::<f64>()) * MB) as u64);
            assert_eq!((rate.growth_per_second(), rate.growth_per_file()), (0.0, 0.0), "{file}");
        }
    }

    #[test]
    fn samples_within_a_file_are_not_looked_at() {
        let mut rate = RecentRate::new();
        for tick in 0..1000_u64 {
            rate.push(tick as f64, tick / 100, tick * 1_000_000);
        }
        assert_eq!(rate.samples.len(), 10);
    }
}
