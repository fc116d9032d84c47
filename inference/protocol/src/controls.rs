//! What can be read and set while an engine works, from other threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Arena, Stats};

/// Shared by the engine's threads and whoever watches it.
#[derive(Debug, Default)]
pub struct Controls {
    /// Bits of a float: seconds.
    max_padded_seconds: AtomicU64,
    inference_nanoseconds: AtomicU64,
    segments: AtomicU64,
    segment_microseconds: AtomicU64,
    padding_microseconds: AtomicU64,
    waited_microseconds: AtomicU64,
    /// Each lane's pools.
    arenas: Mutex<BTreeMap<usize, Arena>>,
}

impl Controls {
    /// Nothing done yet, with a budget of so many seconds of segments.
    pub fn new(max_padded_seconds: f64) -> Self {
        let controls = Self::default();
        controls.set_max_padded_seconds(max_padded_seconds);
        controls
    }

    /// The budget: seconds of segments in the model together, with padding.
    pub fn max_padded_seconds(&self) -> f64 {
        f64::from_bits(self.max_padded_seconds.load(Ordering::Relaxed))
    }

    /// Sets the budget; what is in the model already stays.
    pub fn set_max_padded_seconds(&self, seconds: f64) {
        self.max_padded_seconds.store(seconds.to_bits(), Ordering::Relaxed);
    }

    /// A lane was so long in the model.
    pub fn computed(&self, time: Duration) {
        add(&self.inference_nanoseconds, time.as_nanos());
    }

    /// A segment of so many seconds was taken by a lane, after so long a wait.
    pub fn taken(&self, seconds: f64, waited: Duration) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        add(&self.segment_microseconds, (seconds * 1e6) as u128);
        add(&self.waited_microseconds, waited.as_micros());
    }

    /// So many seconds of padding went through the model.
    pub fn padded(&self, seconds: f64) {
        add(&self.padding_microseconds, (seconds * 1e6) as u128);
    }

    /// What a lane's memory pools hold, where the runtime tells.
    pub fn set_arena(&self, lane: usize, arena: Option<Arena>) {
        if let Some(arena) = arena {
            self.arenas().insert(lane, arena);
        }
    }

    fn arenas(&self) -> MutexGuard<'_, BTreeMap<usize, Arena>> {
        // Every change is one assignment.
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sums so far.
    pub fn stats(&self) -> Stats {
        let micro = |sum: &AtomicU64| sum.load(Ordering::Relaxed) as f64 / 1e6;
        Stats {
            inference_seconds: self.inference_nanoseconds.load(Ordering::Relaxed) as f64 / 1e9,
            segments: self.segments.load(Ordering::Relaxed),
            segment_seconds: micro(&self.segment_microseconds),
            padding_seconds: micro(&self.padding_microseconds),
            waited_seconds: micro(&self.waited_microseconds),
            arena: self.arenas().values().copied().reduce(|all, lane| Arena {
                in_use: all.in_use + lane.in_use,
                reserved: all.reserved + lane.reserved,
            }),
        }
    }
}

fn add(sum: &AtomicU64, more: u128) {
    sum.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up() {
        let controls = Controls::new(240.0);
        assert_eq!((controls.max_padded_seconds(), controls.stats()), (240.0, Stats::default()));
        controls.computed(Duration::from_millis(250));
        controls.taken(1.5, Duration::from_millis(20));
        controls.taken(0.5, Duration::ZERO);
        controls.padded(0.25);
        controls.set_max_padded_seconds(15.0);
        let stats = controls.stats();
        assert_eq!((stats.segments, stats.segment_seconds, stats.inference_seconds), (2, 2.0, 0.25));
        assert_eq!((stats.padding_seconds, stats.waited_seconds), (0.25, 0.02));
        assert_eq!(controls.max_padded_seconds(), 15.0);
    }
}
