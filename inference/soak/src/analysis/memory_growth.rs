//! Verdict on memory growth. Pure.
//!
//! The rule: resident memory of the engine after each file against the number of files it has completed, for
//! pairs of files of one engine at one concurrency, without warm-up; the median slope with its 95% interval.
//! Memory is flat if the interval lies below [`LIMIT_MB`] per 100 files, leaks if it lies at or above, and is
//! undecided otherwise.

use crate::analysis::measurements::{MemoryPoint, MemorySeries};
use verbatim_supervisor::stats::{Slope, theil_sen};

/// Growth per 100 files that counts as a leak, in units of 10^6 bytes. With less, an engine completes 100 000
/// files before it grows by 1 GB: no container limit is that close.
pub(crate) const LIMIT_MB: f64 = 1.0;
/// Maximum warm-up of an engine that does not live for several rounds, in files: arenas and caches reach
/// their size after some files of every length.
const WARM_UP_FILES: u64 = 20;
/// Maximum warm-up as a divisor of the engine's files, a half: an engine that grows fast lives for 20 files
/// and has to be measured as well. With a quarter, the rest of the warm-up made an injected leak look a fifth
/// larger.
const WARM_UP_SHARE: u64 = 2;
/// Minimum files of an engine; with fewer, all are warm-up: memory grows for longer than the six files that
/// would be half of them. Engines replaced every seven files, by injected faults, once all looked as if they
/// leaked.
pub(crate) const MIN_FILES: u64 = 12;
/// Rounds beyond which the whole first one is warm-up: it contains every recording, the longest included.
const ROUNDS: u64 = 2;

/// Verdict on memory growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryVerdict {
    /// Memory does not grow.
    Flat,
    /// Memory grows.
    Leaks,
    /// Too few files after warm-up.
    TooFewFiles,
    /// The interval spans the limit.
    TooNoisy,
}

/// Verdict on memory growth and its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MemoryGrowth {
    pub(crate) verdict: MemoryVerdict,
    /// Growth per 100 files, in units of 10^6 bytes: the input of the rule.
    pub(crate) per_100_files: Option<Slope>,
    /// Growth per hour, in units of 10^6 bytes.
    pub(crate) per_hour: Option<Slope>,
    /// Files after warm-up.
    pub(crate) files: u64,
    /// Files during warm-up.
    pub(crate) warm_up_files: u64,
    /// Series (an engine at a concurrency) with files after warm-up.
    pub(crate) series: usize,
    /// If undecided: factor of the number of files that would decide, if any.
    pub(crate) more_files: Option<f64>,
}

/// Number of warm-up files of an engine that completed `files` at one concurrency, with `round` files in a
/// round.
fn warm_up(files: u64, round: u64) -> u64 {
    if files < MIN_FILES {
        return files;
    }
    let few = WARM_UP_FILES.min(files / WARM_UP_SHARE);
    if files > ROUNDS * round { few.max(round) } else { few }
}

/// Judges the memory series of a soak with `round` files in a round.
pub(crate) fn judge<'a>(
    series: impl Iterator<Item = &'a MemorySeries> + Clone,
    round: usize,
) -> MemoryGrowth {
    let mut growth = MemoryGrowth {
        verdict: MemoryVerdict::TooFewFiles,
        per_100_files: slope(series.clone(), round, |point| f64::from(point.files) / 100.0),
        per_hour: slope(series.clone(), round, |point| f64::from(point.hours)),
        files: 0,
        warm_up_files: 0,
        series: 0,
        more_files: None,
    };
    for engine in series {
        let warm_up = warm_up(engine.files, round as u64);
        growth.warm_up_files += warm_up;
        growth.files += engine.files - warm_up;
        growth.series += usize::from(engine.files - warm_up > 1);
    }
    if let Some(slope) = growth.per_100_files {
        growth.verdict = verdict(slope);
        if growth.verdict == MemoryVerdict::TooNoisy {
            growth.more_files = more_files(slope);
        }
    }
    growth
}

fn slope<'a>(
    series: impl Iterator<Item = &'a MemorySeries>,
    round: usize,
    x: impl Fn(&MemoryPoint) -> f64,
) -> Option<Slope> {
    let after_warm_up = |engine: &'a MemorySeries| {
        let warm_up = warm_up(engine.files, round as u64) as f32;
        let points = engine.points.values().iter().filter(|point| point.files >= warm_up);
        points.map(|point| (x(point), f64::from(point.rss_mb))).collect()
    };
    theil_sen(&series.map(after_warm_up).collect::<Vec<_>>())
}

fn verdict(per_100_files: Slope) -> MemoryVerdict {
    match per_100_files {
        Slope { high, .. } if high < LIMIT_MB => MemoryVerdict::Flat,
        Slope { low, .. } if low >= LIMIT_MB => MemoryVerdict::Leaks,
        _ => MemoryVerdict::TooNoisy,
    }
}

/// Factor of the number of files that would bring the interval to one side of the limit: the interval of a
/// slope narrows with the number of points to the power of 3/2. None if the estimate is too close to the
/// limit.
fn more_files(slope: Slope) -> Option<f64> {
    let (wide, narrow) = if slope.estimate < LIMIT_MB {
        (slope.high - slope.estimate, LIMIT_MB - slope.estimate)
    } else {
        (slope.estimate - slope.low, slope.estimate - LIMIT_MB)
    };
    let factor = (wide / narrow).powf(2.0 / 3.0);
    // More than twenty times as many files is another kind of soak.
    (factor.is_finite() && factor <= 20.0).then(|| (factor * 1.1).max(1.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::measurements::test_series;

    #[test]
    fn warm_up_depends_on_files_and_rounds() {
        for (files, round, expected, why) in [
            (0, 10, 0, "no files"),
            (1, 50, 1, "fewer than the minimum"),
            (11, 50, 11, "fewer than the minimum"),
            (12, 50, 6, "half"),
            (20, 50, 10, "half, with a leak of 20 MB a file"),
            (40, 50, 20, "twenty, or half"),
            (100, 50, 20, "two rounds: each recording once would be left"),
            (101, 50, 50, "the first round"),
            (10_000, 5, 20, "twenty despite short rounds"),
            (21, 10, 10, "half, or the first round"),
        ] {
            assert_eq!(warm_up(files, round), expected, "{why}");
        }
    }

    #[test]
    fn verdicts_at_the_limit() {
        for (low, high, expected) in [
            (-0.5, 0.999, MemoryVerdict::Flat),
            (-0.5, 1.0, MemoryVerdict::TooNoisy),
            (0.999, 3.0, MemoryVerdict::TooNoisy),
            (1.0, 3.0, MemoryVerdict::Leaks),
            (-3.0, -2.0, MemoryVerdict::Flat),
        ] {
            assert_eq!(verdict(Slope { estimate: f64::midpoint(low, high), low, high }), expected);
        }
    }

    #[test]
    fn leak_shows_in_engines_that_live_for_twenty_files() {
        let engines: Vec<_> = (0..8).map(|_| test_series(20, |file| 250.0 + 20.0 * file)).collect();
        let growth = judge(engines.iter(), 12);
        assert_eq!(growth.verdict, MemoryVerdict::Leaks);
        assert_eq!(growth.per_100_files.map(|slope| slope.estimate.round()), Some(2000.0));
        assert_eq!((growth.files, growth.warm_up_files, growth.series), (8 * 10, 8 * 10, 8));
    }

    #[test]
    fn no_verdict_if_all_engines_are_replaced_during_warm_up() {
        let engines: Vec<_> = (0..50).map(|_| test_series(7, |file| 90.0 + 10.0 * file)).collect();
        let growth = judge(engines.iter(), 8);
        assert_eq!(
            (growth.verdict, growth.per_100_files, growth.series),
            (MemoryVerdict::TooFewFiles, None, 0)
        );
        assert_eq!((growth.files, growth.warm_up_files), (0, 50 * 7));
    }

    #[test]
    fn growth_during_warm_up_is_not_a_leak() {
        let engine = test_series(150, |file| 250.0 + 5.0 * f64::min(file, 30.0) + (file * 7.0) % 3.0);
        let growth = judge([&engine].into_iter(), 30);
        assert_eq!(growth.verdict, MemoryVerdict::Flat, "{growth:?}");
    }

    #[test]
    fn undecided_growth_asks_for_more_files() {
        let engine = test_series(8, |file| file);
        let growth = judge([&engine].into_iter(), 30);
        assert_eq!((growth.verdict, growth.per_100_files), (MemoryVerdict::TooFewFiles, None));
        let engine = test_series(40, |file| 250.0 + (file * 37.0) % 11.0);
        let growth = judge([&engine].into_iter(), 100);
        assert_eq!(growth.verdict, MemoryVerdict::TooNoisy, "{growth:?}");
        assert!(growth.more_files.is_none_or(|factor| factor >= 1.5), "{growth:?}");
        let slope = Slope { estimate: 0.0, low: -8.0, high: 8.0 };
        assert_eq!(more_files(slope).map(|factor| factor.round()), Some(4.0));
        assert_eq!(more_files(Slope { estimate: 1.0, ..slope }), None);
    }
}
