//! Retry policy: number, delay and total time of attempts.

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::time::{Instant, sleep};

use crate::error::StoreError;

/// Limits on the attempts at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all. 8: if the store fails at once, the delays below add up to 6 s on average and 13 s at
    /// most.
    pub attempts: u32,
    /// Upper bound of the first delay, which is random. 100 ms: a few of S3's own answer times.
    pub base: Duration,
    /// Longest delay that the store does not request itself. 10 s: many workers with random delays up to this
    /// put little load on a recovering store.
    pub cap: Duration,
    /// Latest end of a delay after the first attempt started. 60 s: two attempts that time out, or a restart
    /// of the store.
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

/// Attempts at one request.
#[derive(Debug)]
pub(super) struct Tries {
    policy: RetryPolicy,
    begun: Instant,
    failed: u32,
    logged: bool,
}

/// Time of retries before the log mentions them: shorter outages need no attention.
const LOG_AFTER: Duration = Duration::from_secs(4);

impl Tries {
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Self { policy, begun: Instant::now(), failed: 0, logged: false }
    }

    /// Waits after a transient failure. Returns the failure when no attempt is left.
    pub(super) async fn pause(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.failed += 1;
        let wait = wait(&self.policy, self.failed, error.retry_after, random());
        if self.failed >= self.policy.attempts || self.begun.elapsed() + wait > self.policy.total {
            return Err(error);
        }
        if self.begun.elapsed() >= LOG_AFTER && !std::mem::replace(&mut self.logged, true) {
            let left = self.policy.total.saturating_sub(self.begun.elapsed()).as_secs();
            tracing::warn!("{error}; retrying for {left} s");
        }
        tracing::debug!(failed = self.failed, ?wait, kind = error.kind.as_str(), %error, "retrying");
        sleep(wait).await;
        Ok(())
    }
}

/// Delay after so many failures: a random part of an exponentially growing time (full jitter), on top of the
/// delay that the store requests.
fn wait(policy: &RetryPolicy, failed: u32, asked: Option<Duration>, random: f64) -> Duration {
    let doubled = 2_u32.checked_pow(failed - 1).and_then(|times| policy.base.checked_mul(times));
    let jitter = doubled.map_or(policy.cap, |wait| wait.min(policy.cap)).mul_f64(random);
    asked.unwrap_or_default().saturating_add(jitter)
}

/// A number from 0 to 1; 1, the longest delay, on a system without randomness.
fn random() -> f64 {
    SysRng.try_next_u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let policy = RetryPolicy::default();
        let longest: Vec<_> = (1..=9).map(|failed| wait(&policy, failed, None, 1.0).as_millis()).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(wait(&policy, 1000, None, 1.0), policy.cap);
        assert_eq!(wait(&policy, 3, None, 0.0), Duration::ZERO);
        assert_eq!(wait(&policy, 1, Some(Duration::from_secs(7)), 0.5), Duration::from_millis(7050));
    }

    #[test]
    fn delays_differ() {
        let some: Vec<f64> = (0..8).map(|_| random()).collect();
        assert!(some.iter().all(|random| (0.0..=1.0).contains(random)));
        assert!(some.iter().any(|random| *random != some[0]));
    }
}
