//! When another try is made, and when no more.

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::time::{Instant, sleep};

use crate::error::StoreError;

/// How often and how long a request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all. 8: where the store fails at once, the waits below add up to 6 s in the mean and 13 s at most.
    pub attempts: u32,
    /// The first wait is a random time up to this. 100 ms: a few of S3's own answer times.
    pub base: Duration,
    /// The longest wait that is not asked for by the store. 10 s: many workers that wait at random up to this put
    /// little load on a store that comes back.
    pub cap: Duration,
    /// No wait ends later than this after the first try began. 60 s: two tries that nobody answers within the time
    /// limit of a request, or a store that is started anew.
    pub total: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            base: Duration::from_millis(100),
            cap: Duration::from_secs(10),
            total: Duration::from_secs(60),
        }
    }
}

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Tries {
    policy: RetryPolicy,
    begun: Instant,
    failed: u32,
    told: bool,
}

/// After so long a person is told that something is tried again: what is mended sooner is nobody's concern.
const TELL_AFTER: Duration = Duration::from_secs(4);

impl Tries {
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Self { policy, begun: Instant::now(), failed: 0, told: false }
    }

    /// Waits after a failure that another try may mend. Gives the failure back when there were enough.
    pub(super) async fn pause(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.failed += 1;
        let wait = wait(&self.policy, self.failed, error.retry_after, random());
        if self.failed >= self.policy.attempts || self.begun.elapsed() + wait > self.policy.total {
            return Err(error);
        }
        if self.begun.elapsed() >= TELL_AFTER && !std::mem::replace(&mut self.told, true) {
            let left = self.policy.total.saturating_sub(self.begun.elapsed()).as_secs();
            tracing::warn!("{error}; trying again for {left} s");
        }
        tracing::debug!(failed = self.failed, ?wait, kind = error.kind.as_str(), %error, "trying again");
        sleep(wait).await;
        Ok(())
    }
}

/// The wait after so many failures: a random part of a time that doubles (full jitter), after what the store asked for.
fn wait(policy: &RetryPolicy, failed: u32, asked: Option<Duration>, random: f64) -> Duration {
    let doubled = 2_u32.checked_pow(failed - 1).and_then(|times| policy.base.checked_mul(times));
    let jitter = doubled.map_or(policy.cap, |wait| wait.min(policy.cap)).mul_f64(random);
    asked.unwrap_or_default().saturating_add(jitter)
}

/// From 0 to 1. A system without randomness waits as long as possible.
fn random() -> f64 {
    SysRng.try_next_u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let policy = RetryPolicy::default();
        let longest: Vec<_> = (1..=9).map(|failed| wait(&policy, failed, None, 1.0).as_millis()).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(wait(&policy, 1000, None, 1.0), policy.cap);
        assert_eq!(wait(&policy, 3, None, 0.0), Duration::ZERO);
        assert_eq!(wait(&policy, 1, Some(Duration::from_secs(7)), 0.5), Duration::from_millis(7050));
    }

    #[test]
    fn waits_differ() {
        let some: Vec<f64> = (0..8).map(|_| random()).collect();
        assert!(some.iter().all(|random| (0.0..=1.0).contains(random)));
        assert!(some.iter().any(|random| *random != some[0]));
    }
}
