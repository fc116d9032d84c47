//! Back-off: the delay before the next engine while engines keep failing, and when to give up. Takes
//! failures, progress and a random number; gives a delay.

use std::time::Duration;

use crate::decide::Decision;
use verbatim_text as text;

/// Delay after the second failure in a row. After the first there is none, since one accident proves nothing.
/// It is about the load time of a small model: engines that fail as they load then take at most about half of
/// the time.
pub const FIRST_DELAY: Duration = Duration::from_millis(500);

/// Longest delay. The kubelet's grows to 5 minutes, but its restart costs a pod; a tenth of that keeps the
/// recovery from a passing problem, such as a full disk, short beside the duration of a job.
pub const MAX_DELAY: Duration = Duration::from_secs(30);

/// Failures in a row after which the supervisor gives up if no engine was ever ready. With these delays they
/// take 2 s to 4 s besides loading: longer than a hiccup of the machine, short enough for a person who waits.
pub const MAX_FAILED_STARTS: u32 = 5;

/// Failures in a row after which the supervisor gives up although engines were ready once: the model is gone,
/// or the machine is faulty. At the longest delay they take about eight minutes. A file that crashes engines
/// has failed long before.
pub const MAX_FAILURES: u32 = 20;

/// Counter of failures in a row.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    ever_ready: bool,
}

impl Backoff {
    /// A counter without failures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a failed engine, loading or later. Returns the delay before the next one. `random`, in [0, 1),
    /// scales the upper half of the delay, so that workers that failed together do not restart together.
    pub fn on_failure(&mut self, random: f64) -> Decision<Duration> {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            return Decision::new(Duration::ZERO, "an engine failed; the next one starts at once");
        }
        // 2^16 times the first delay exceeds the longest.
        let doubled = FIRST_DELAY.saturating_mul(1 << (self.failures - 2).min(16)).min(MAX_DELAY);
        // Tolerates any number of the caller.
        let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.0 };
        let delay = doubled.mul_f64(0.5 + 0.5 * random);
        let why = format!(
            "{} engines in a row failed without completing a file; the next one starts in {}",
            self.failures,
            text::elapsed(delay)
        );
        Decision::new(delay, why)
    }

    /// Records that an engine is ready: engines can start on this machine.
    pub fn on_ready(&mut self) {
        self.ever_ready = true;
    }

    /// Records that a file was answered: the next failure is the first in a row again.
    pub fn on_progress(&mut self) {
        self.ever_ready = true;
        self.failures = 0;
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether to give up: after [`MAX_FAILED_STARTS`] failures if no engine was ever ready, else after
    /// [`MAX_FAILURES`].
    pub fn give_up(&self) -> Option<Decision<()>> {
        if self.failures >= MAX_FAILURES {
            let why = format!("{} engines in a row failed without completing a file", self.failures);
            return Some(Decision::new((), why));
        }
        (!self.ever_ready && self.failures >= MAX_FAILED_STARTS).then(|| {
            Decision::new(
                (),
                format!("{} engines in a row failed to load, and none was ever ready", self.failures),
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
    fn delays_stay_within_bounds_after_any_number_of_failures() {
        for random in [f64::NAN, f64::INFINITY, -1.0, 0.999, 7.0] {
            let mut backoff = Backoff { failures: u32::MAX - 3, ever_ready: false };
            for _ in 0..6 {
                let delay = backoff.on_failure(random).action;
                assert!((MAX_DELAY / 2..=MAX_DELAY).contains(&delay), "{random}: {delay:?}");
            }
        }
    }

    #[test]
    fn an_answered_file_resets_the_count() {
        let mut backoff = Backoff::new();
        for _ in 0..4 {
            backoff.on_failure(0.5);
        }
        backoff.on_progress();
        assert_eq!(backoff.failures(), 0);
        assert_eq!(backoff.on_failure(0.5).action, Duration::ZERO);
        assert_eq!(
            backoff.on_failure(1.0).why,
            "2 engines in a row failed without completing a file; the next one starts in 0.5 s"
        );
    }

    #[test]
    fn gives_up_early_only_if_no_engine_was_ever_ready() {
        let mut never = Backoff::new();
        let mut once = Backoff::new();
        once.on_ready();
        for failures in 1..=MAX_FAILED_STARTS {
            never.on_failure(0.0);
            once.on_failure(0.0);
            assert_eq!(never.give_up().is_some(), failures == MAX_FAILED_STARTS, "{failures}");
            assert_eq!(once.give_up(), None);
        }
        assert_eq!(
            never.give_up().unwrap().why,
            "5 engines in a row failed to load, and none was ever ready"
        );
    }
}
