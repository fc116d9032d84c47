//! A point in time.

use std::time::Instant;

use jiff::Timestamp;

/// A point in time on the monotonic clock and on the wall clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    pub(super) time: Timestamp,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { instant: Instant::now(), time: Timestamp::now() }
    }

    /// Seconds since an earlier instant.
    pub(super) fn since(&self, earlier: Instant) -> f64 {
        self.instant.saturating_duration_since(earlier).as_secs_f64()
    }
}
