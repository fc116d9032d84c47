//! Whether memory grows: it takes the memory after each file and gives the verdict by the rule below. Pure.
//!
//! The rule: resident memory of the engine after each file, against the files that it did, pairs of files of one engine
//! at one concurrency only, the files of the warm-up left out; the median slope with its 95 % interval. Flat where the
//! interval lies below [`LIMIT_MB`] for 100 files, a leak where it lies at it or above, and undecided otherwise.

use crate::report::findings::{Life, Point};
use verbatim_supervisor::stats::{Slope, theil_sen};

/// Growth for 100 files that is a leak, in units of 10^6 bytes. With less, an engine does 100 000 files before it is 1 GB
/// larger: no limit of a container is set closer than that.
pub const LIMIT_MB: f64 = 1.0;
/// Files of an engine at most that are warm-up where it does not live for rounds: arenas and caches have their size after
/// some files of every length.
const WARM_UP_FILES: u64 = 20;
/// The part of an engine's files that is warm-up at most, a half: an engine that grows fast lives for 20 files and is to
/// be measured as well. With a quarter, what is left of the warm-up made an injected leak look a fifth larger.
const WARM_UP_SHARE: u64 = 2;
/// Files of an engine below which all are warm-up: memory grows for longer than the six files that would be half of them. Engines
/// that are replaced every seven files, by injected faults, once looked as if all of them leaked.
pub const LEAST_FILES: u64 = 12;
/// Rounds from which on the whole first one is warm-up: every recording was seen once then, the longest too.
const ROUNDS: u64 = 2;

/// What the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Memory does not grow.
    Flat,
    /// Memory grows.
    Leaks,
    /// There are too few files after warm-up to say anything.
    TooFew,
    /// The interval reaches to both sides of the limit.
    TooNoisy,
}

/// The verdict and its figures.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Memory {
    /// What the rule says.
    pub verdict: Verdict,
    /// Growth for 100 files, in units of 10^6 bytes: what the rule looks at.
    pub per_100_files: Option<Slope>,
    /// Growth for an hour, in units of 10^6 bytes.
    pub per_hour: Option<Slope>,
    /// Files after warm-up.
    pub files: u64,
    /// Files of the warm-ups.
    pub warm_up_files: u64,
    /// Engines, each at each concurrency, that have files after warm-up.
    pub lives: usize,
    /// Where it is undecided and more files would help: how many times as many.
    pub more_files: Option<f64>,
}

/// Files that are warm-up of an engine that did `files` at one concurrency, where a round has `round` files.
pub fn warm_up(files: u64, round: u64) -> u64 {
    if files < LEAST_FILES {
        return files;
    }
    let few = WARM_UP_FILES.min(files / WARM_UP_SHARE);
    if files > ROUNDS * round { few.max(round) } else { few }
}

/// Judges engines' lives in a soak with rounds of `round` files.
pub fn judge<'a>(lives: impl Iterator<Item = &'a Life> + Clone, round: usize) -> Memory {
    let mut memory = Memory {
        verdict: Verdict::TooFew,
        per_100_files: slope(lives.clone(), round, |point| f64::from(point.files) / 100.0),
        per_hour: slope(lives.clone(), round, |point| f64::from(point.hours)),
        files: 0,
        warm_up_files: 0,
        lives: 0,
        more_files: None,
    };
    for life in lives {
        let warm_up = warm_up(life.files, round as u64);
        memory.warm_up_files += warm_up;
        memory.files += life.files - warm_up;
        memory.lives += usize::from(life.files - warm_up > 1);
    }
    if let Some(slope) = memory.per_100_files {
        memory.verdict = decide(slope);
        if memory.verdict == Verdict::TooNoisy {
            memory.more_files = more_files(slope);
        }
    }
    memory
}

fn slope<'a>(
    lives: impl Iterator<Item = &'a Life>,
    round: usize,
    x: impl Fn(&Point) -> f64,
) -> Option<Slope> {
    let groups: Vec<Vec<(f64, f64)>> = lives
        .map(|life| {
            let warm = warm_up(life.files, round as u64) as f32;
            let points = life.points.values().iter().filter(|point| point.files >= warm);
            points.map(|point| (x(point), f64::from(point.rss_mb))).collect()
        })
        .collect();
    theil_sen(&groups)
}

fn decide(per_100_files: Slope) -> Verdict {
    if per_100_files.high < LIMIT_MB {
        Verdict::Flat
    } else if per_100_files.low >= LIMIT_MB {
        Verdict::Leaks
    } else {
        Verdict::TooNoisy
    }
}

/// How many times as many files would bring the interval to one side of the limit: the interval of a slope narrows with
/// the number of points to the power of 3/2. None where the estimate is so near the limit that it is not worth trying.
fn more_files(slope: Slope) -> Option<f64> {
    let (wide, narrow) = if slope.estimate < LIMIT_MB {
        (slope.high - slope.estimate, LIMIT_MB - slope.estimate)
    } else {
        (slope.estimate - slope.low, slope.estimate - LIMIT_MB)
    };
    // Twenty times as many is a soak of another kind.
    let times = (wide / narrow).powf(2.0 / 3.0);
    (times.is_finite() && times <= 20.0).then(|| (times * 1.1).max(1.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::findings::life_for_tests;

    #[test]
    fn the_warm_up() {
        for (files, round, expected, why) in [
            (0, 10, 0, "nothing done"),
            (1, 50, 1, "too few to say anything"),
            (11, 50, 11, "too few as well"),
            (12, 50, 6, "a half"),
            (20, 50, 10, "a half, with a leak of 20 MB a file"),
            (40, 50, 20, "twenty, or a half"),
            (100, 50, 20, "two rounds: each recording once would be left"),
            (101, 50, 50, "the first round"),
            (10_000, 5, 20, "short rounds: twenty all the same"),
            (21, 10, 10, "a half, or the first round"),
        ] {
            assert_eq!(warm_up(files, round), expected, "{why}");
        }
    }

    #[test]
    fn the_borders_of_the_rule() {
        for (low, high, expected) in [
            (-0.5, 0.999, Verdict::Flat),
            (-0.5, 1.0, Verdict::TooNoisy),
            (0.999, 3.0, Verdict::TooNoisy),
            (1.0, 3.0, Verdict::Leaks),
            (-3.0, -2.0, Verdict::Flat),
        ] {
            assert_eq!(decide(Slope { estimate: f64::midpoint(low, high), low, high }), expected);
        }
    }

    #[test]
    fn engines_that_live_for_twenty_files_show_their_leak() {
        let lives: Vec<Life> = (0..8).map(|_| life_for_tests(20, |file| 250.0 + 20.0 * file)).collect();
        let memory = judge(lives.iter(), 12);
        assert_eq!(memory.verdict, Verdict::Leaks);
        assert_eq!(memory.per_100_files.map(|slope| slope.estimate.round()), Some(2000.0));
        assert_eq!((memory.files, memory.warm_up_files, memory.lives), (8 * 10, 8 * 10, 8));
    }

    #[test]
    fn engines_that_are_replaced_while_they_warm_up_say_nothing() {
        let lives: Vec<Life> = (0..50).map(|_| life_for_tests(7, |file| 90.0 + 10.0 * file)).collect();
        let memory = judge(lives.iter(), 8);
        assert_eq!((memory.verdict, memory.per_100_files, memory.lives), (Verdict::TooFew, None, 0));
        assert_eq!((memory.files, memory.warm_up_files), (0, 50 * 7));
    }

    #[test]
    fn growth_while_it_warms_up_is_no_leak() {
        let life = life_for_tests(150, |file| 250.0 + 5.0 * f64::min(file, 30.0) + (file * 7.0) % 3.0);
        let memory = judge([&life].into_iter(), 30);
        assert_eq!(memory.verdict, Verdict::Flat, "{memory:?}");
    }

    #[test]
    fn what_to_do_where_it_is_undecided() {
        let life = life_for_tests(8, |file| file);
        let memory = judge([&life].into_iter(), 30);
        assert_eq!((memory.verdict, memory.per_100_files), (Verdict::TooFew, None));
        let life = life_for_tests(40, |file| 250.0 + (file * 37.0) % 11.0);
        let memory = judge([&life].into_iter(), 100);
        assert_eq!(memory.verdict, Verdict::TooNoisy, "{memory:?}");
        assert!(memory.more_files.is_none_or(|times| times >= 1.5), "{memory:?}");
        let slope = Slope { estimate: 0.0, low: -8.0, high: 8.0 };
        assert_eq!(more_files(slope).map(|times| times.round()), Some(4.0));
        assert_eq!(more_files(Slope { estimate: 1.0, ..slope }), None);
    }
}
