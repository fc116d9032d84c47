//! The clock for signatures. S3 refuses a signature that is more than 15 minutes off, and a worker's clock
//! may be hours off: the `Date` of the refusal corrects this clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;

/// Difference from an answer's date that shows a wrong clock: a third of what S3 allows, and far longer than
/// an answer takes.
const SKEWED: Duration = Duration::from_secs(5 * 60);

/// The system's clock and a correction, shared by all requests of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct SigningClock {
    /// Milliseconds by which the server is ahead.
    ahead: Arc<AtomicI64>,
}

impl SigningClock {
    /// Takes the date of an answer that arrived just now. Returns whether the clock was wrong.
    pub(super) fn learn(&self, date: SystemTime) -> bool {
        let off = difference(date, self.now()).unsigned_abs() > SKEWED.as_millis() as u64;
        if off {
            self.set_ahead(difference(date, SystemTime::now()));
        }
        off
    }

    /// Sets by how many milliseconds the server is ahead.
    pub(super) fn set_ahead(&self, milliseconds: i64) {
        self.ahead.store(milliseconds, Ordering::Relaxed);
    }
}

impl TimeSource for SigningClock {
    fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_millis(ahead.unsigned_abs());
        let now = SystemTime::now();
        if ahead < 0 { now.checked_sub(by) } else { now.checked_add(by) }.unwrap_or(now)
    }
}

/// Milliseconds by which `a` is later than `b`.
fn difference(a: SystemTime, b: SystemTime) -> i64 {
    let whole = |later: Duration| i64::try_from(later.as_millis()).unwrap_or(i64::MAX);
    match a.duration_since(b) {
        Ok(later) => whole(later),
        Err(earlier) => -whole(earlier.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_corrected_once() {
        for hours in [-30_i64, 30] {
            let clock = SigningClock::default();
            clock.set_ahead(hours * 3_600_000);
            let shared = clock.clone();
            assert!(clock.learn(SystemTime::now()));
            assert!(difference(shared.now(), SystemTime::now()).abs() < 60_000);
            assert!(!clock.learn(SystemTime::now()), "a correct clock stays as it is");
        }
    }

    #[test]
    fn a_slow_answer_does_not_change_the_clock() {
        let clock = SigningClock::default();
        assert!(!clock.learn(SystemTime::now() - Duration::from_secs(200)));
        assert!(difference(clock.now(), SystemTime::now()).abs() < 60_000);
    }
}
