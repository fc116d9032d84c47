//! How long to wait before the next engine is started when engines keep failing, and when to stop. Takes failures,
//! progress and a random number; gives a delay.

use std::time::Duration;

use super::Decision;
use verbatim_text as text;

/// The delay after the second failure in a row; the first is followed at once, since one accident proves nothing. About
/// what a small model takes to load: an engine that fails as it loads then costs at most about half of the time.
pub const FIRST_DELAY: Duration = Duration::from_millis(500);

/// The longest delay. The kubelet's grows to 5 minutes, but also pays for a pod; a tenth of that keeps the time to
/// recover from a passing trouble, as a full disk, small beside what a job takes.
pub const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Failures in a row, with no engine ever ready, after which starting another is of no use. With these
/// delays they take 2 s to 4 s besides loading: longer than a machine's hiccup, short enough for somebody who waits.
pub const STARTS: u32 = 5;

/// Failures in a row after which there is no use either, though engines were ready once: the model is gone, or the machine
/// is. At the longest delay these are some eight minutes. A file that brings down engines is out of the way long before.
pub const FAILURES: u32 = 20;

/// Counts failures in a row.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    ever_ready: bool,
}

impl Backoff {
    /// No failures yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine failed, loading or later: how long to wait before the next is started. `random` is in [0, 1) and takes
    /// up the upper half of the delay, so that workers that failed together do not start together.
    pub fn on_failure(&mut self, random: f64) -> Decision<Duration> {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            return Decision::new(Duration::ZERO, "an engine failed; the next is started at once");
        }
        // 2^16 times the first delay is beyond the longest.
        let doubled = FIRST_DELAY.saturating_mul(1 << (self.failures - 2).min(16)).min(LONGEST_DELAY);
        // Also where the caller's number is not one.
        let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.0 };
        let delay = doubled.mul_f64(0.5 + 0.5 * random);
        let why = format!(
            "{} engines in a row failed without doing a file; the next is started in {}",
            self.failures,
            text::elapsed(delay)
        );
        Decision::new(delay, why)
    }

    /// An engine is ready: engines can start here.
    pub fn on_ready(&mut self) {
        self.ever_ready = true;
    }

    /// A file is done: the next failure is the first again.
    pub fn on_progress(&mut self) {
        self.ever_ready = true;
        self.failures = 0;
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether engines cannot start at all: [`STARTS`] failed, and none was ever ready; or [`FAILURES`] failed.
    pub fn give_up(&self) -> Option<Decision<()>> {
        if self.failures >= FAILURES {
            let why = format!("{} engines in a row failed without doing a file", self.failures);
            return Some(Decision::new((), why));
        }
        (!self.ever_ready && self.failures >= STARTS).then(|| {
            Decision::new(
                (),
                format!(
                    "{} engines in a row failed before they were ready, and none ever was",
                    self.failures
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(random: f64, failures: usize) -> Vec<f64> {
        let mut backoff = Backoff::new();
        (0..failures).map(|_| backoff.on_failure(random).action.as_secs_f64()).collect()
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        assert_eq!(delays(1.0, 9), [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(delays(0.0, 9), [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]);
        assert_eq!(delays(0.5, 3), [0.0, 0.375, 0.75]);
    }

    #[test]
    fn delays_stay_within_bounds_for_ever_and_whatever_the_number() {
        for random in [f64::NAN, f64::INFINITY, -1.0, 0.999, 7.0] {
            let mut backoff = Backoff { failures: u32::MAX - 3, ever_ready: false };
            for _ in 0..6 {
                let delay = backoff.on_failure(random).action;
                assert!((LONGEST_DELAY / 2..=LONGEST_DELAY).contains(&delay), "{random}: {delay:?}");
            }
        }
    }

    #[test]
    fn a_file_that_is_done_ends_the_row() {
        let mut backoff = Backoff::new();
        for _ in 0..4 {
            backoff.on_failure(0.5);
        }
        backoff.on_progress();
        assert_eq!(backoff.failures(), 0);
        assert_eq!(backoff.on_failure(0.5).action, Duration::ZERO);
        assert_eq!(
            backoff.on_failure(1.0).why,
            "2 engines in a row failed without doing a file; the next is started in 0.5 s"
        );
    }

    #[test]
    fn gives_up_only_where_no_engine_ever_was_ready() {
        let mut never = Backoff::new();
        let mut once = Backoff::new();
        once.on_ready();
        for failures in 1..=STARTS {
            never.on_failure(0.0);
            once.on_failure(0.0);
            assert_eq!(never.give_up().is_some(), failures == STARTS, "{failures}");
            assert_eq!(once.give_up(), None);
        }
        assert_eq!(
            never.give_up().unwrap().why,
            "5 engines in a row failed before they were ready, and none ever was"
        );
    }
}
