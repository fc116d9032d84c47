//! Handle to a running engine, shared between threads: its batch budget and its counters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::message::{ArenaStats, Stats};

/// Batch budget and counters of an engine. Its threads write the counters; other threads read them and set
/// the budget.
#[derive(Debug, Default)]
pub struct EngineHandle {
    /// Bits of an `f64`.
    max_padded_seconds: AtomicU64,
    inference_nanoseconds: AtomicU64,
    segments: AtomicU64,
    segment_microseconds: AtomicU64,
    padding_microseconds: AtomicU64,
    waited_microseconds: AtomicU64,
    /// By number of the inference worker.
    arenas: Mutex<BTreeMap<usize, ArenaStats>>,
}

impl EngineHandle {
    /// A handle with this budget, in seconds of segments, and all counters at zero.
    pub fn new(max_padded_seconds: f64) -> Self {
        let handle = Self::default();
        handle.set_max_padded_seconds(max_padded_seconds);
        handle
    }

    /// Batch budget: seconds of segments in the model at once, padding included.
    pub fn max_padded_seconds(&self) -> f64 {
        f64::from_bits(self.max_padded_seconds.load(Ordering::Relaxed))
    }

    /// Sets the batch budget. Segments that the model already has stay there.
    pub fn set_max_padded_seconds(&self, seconds: f64) {
        self.max_padded_seconds.store(seconds.to_bits(), Ordering::Relaxed);
    }

    /// Counts time that an inference worker spent in the model.
    pub fn add_inference_time(&self, time: Duration) {
        add(&self.inference_nanoseconds, time.as_nanos());
    }

    /// Counts a segment that an inference worker took, with its length and its time in the queue.
    pub fn add_segment(&self, seconds: f64, waited: Duration) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        add(&self.segment_microseconds, (seconds * 1e6) as u128);
        add(&self.waited_microseconds, waited.as_micros());
    }

    /// Counts padding that went through the model, in seconds.
    pub fn add_padding(&self, seconds: f64) {
        add(&self.padding_microseconds, (seconds * 1e6) as u128);
    }

    /// Replaces the memory arena figures of an inference worker. `None` (the runtime reports none) changes
    /// nothing.
    pub fn set_arena(&self, worker: usize, arena: Option<ArenaStats>) {
        if let Some(arena) = arena {
            self.arenas().insert(worker, arena);
        }
    }

    fn arenas(&self) -> MutexGuard<'_, BTreeMap<usize, ArenaStats>> {
        // A poisoned lock is harmless: every change is one assignment.
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Totals so far, over all inference workers.
    pub fn stats(&self) -> Stats {
        let micro = |sum: &AtomicU64| sum.load(Ordering::Relaxed) as f64 / 1e6;
        Stats {
            inference_seconds: self.inference_nanoseconds.load(Ordering::Relaxed) as f64 / 1e9,
            segments: self.segments.load(Ordering::Relaxed),
            segment_seconds: micro(&self.segment_microseconds),
            padding_seconds: micro(&self.padding_microseconds),
            waited_seconds: micro(&self.waited_microseconds),
            arena: ArenaStats::sum(self.arenas().values().copied()),
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
    fn counters_add_up() {
        let handle = EngineHandle::new(240.0);
        assert_eq!((handle.max_padded_seconds(), handle.stats()), (240.0, Stats::default()));
        handle.add_inference_time(Duration::from_millis(250));
        handle.add_segment(1.5, Duration::from_millis(20));
        handle.add_segment(0.5, Duration::ZERO);
        handle.add_padding(0.25);
        handle.set_max_padded_seconds(15.0);
        let stats = handle.stats();
        assert_eq!((stats.segments, stats.segment_seconds, stats.inference_seconds), (2, 2.0, 0.25));
        assert_eq!((stats.padding_seconds, stats.waited_seconds), (0.25, 0.02));
        assert_eq!(handle.max_padded_seconds(), 15.0);
    }
}
