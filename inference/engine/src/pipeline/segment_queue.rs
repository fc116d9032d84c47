//! Bounded queue of segments between decode workers and inference workers.
//!
//! Segments leave in the order of arrival, not sorted by length: inference on a CPU pads nothing (each row
//! has its own caches, each encoder run one segment), so that sorting would gain nothing, and no segment can
//! starve. The bound is in seconds of audio: decode workers wait while the queue is full, whatever the length
//! of their files.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use verbatim_protocol::engine_handle::EngineHandle;

use crate::audio::SAMPLE_RATE;

/// How long an inference worker waits for a fuller batch. A source that is slower than this is slower than
/// the model anyway.
const MAX_WAIT: Duration = Duration::from_millis(250);

/// Segment that waits for the model.
#[derive(Clone, Debug)]
pub(super) struct QueuedSegment {
    /// Number of the segment, unique in the run.
    pub(super) id: u64,
    /// 16 kHz samples, of a length that the model accepts.
    pub(super) samples: Vec<f32>,
    /// Time at which it was queued.
    pub(super) since: Instant,
}

impl QueuedSegment {
    /// Length in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<QueuedSegment>,
    seconds: f64,
    closed: bool,
    /// Number of calls of [`SegmentQueue::wake`].
    wakes: u64,
}

/// Bounded queue of segments.
#[derive(Debug)]
pub(super) struct SegmentQueue {
    state: Mutex<State>,
    changed: Condvar,
    handle: Arc<EngineHandle>,
}

impl SegmentQueue {
    /// Creates a queue of about half the batch budget, exceeded by at most one segment. An inference worker
    /// that runs low requests a quarter to half of its own budget.
    pub(super) fn new(handle: &Arc<EngineHandle>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), handle: Arc::clone(handle) }
    }

    fn capacity_seconds(&self) -> f64 {
        self.handle.max_padded_seconds() / 2.0
    }

    // A poisoned lock is harmless: every change is one push, pop or assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a segment, waiting while the queue is full; false if the queue is closed.
    pub(super) fn push(&self, segment: QueuedSegment) -> bool {
        let mut state = self.lock();
        while !state.closed && state.seconds >= self.capacity_seconds() {
            state = self.wait(state);
        }
        if state.closed {
            return false;
        }
        state.seconds += segment.seconds();
        state.waiting.push_back(segment);
        self.changed.notify_all();
        true
    }

    /// Takes segments of up to `max_seconds` in total.
    ///
    /// If `wanted_seconds` is above zero, waits until that much is queued, the queue is closed or woken, or
    /// [`MAX_WAIT`] is over, and takes at least one segment, whatever its length. An empty result from a
    /// closed queue means that it is done.
    pub(super) fn take(&self, max_seconds: f64, wanted_seconds: f64) -> Vec<QueuedSegment> {
        let mut state = self.lock();
        let wanted = wanted_seconds.min(self.capacity_seconds());
        let deadline = Instant::now() + MAX_WAIT;
        let wakes = state.wakes;
        while !state.closed && state.seconds < wanted && state.wakes == wakes {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let (guard, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = guard;
        }
        let at_least_one = wanted_seconds > 0.0;
        let (mut taken, mut seconds) = (Vec::new(), 0.0);
        while let Some(next) = state.waiting.front() {
            let fits = seconds + next.seconds() <= max_seconds;
            if !(fits || at_least_one && taken.is_empty()) {
                break;
            }
            seconds += next.seconds();
            taken.extend(state.waiting.pop_front());
        }
        state.seconds = (state.seconds - seconds).max(0.0);
        if !taken.is_empty() {
            self.changed.notify_all();
        }
        taken
    }

    /// Ends the waiting of [`SegmentQueue::take`], because something else has changed.
    pub(super) fn wake(&self) {
        self.lock().wakes += 1;
        self.changed.notify_all();
    }

    /// Whether the queue is closed and empty.
    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        state.closed && state.waiting.is_empty()
    }

    /// Closes the queue. Its segments can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes the queue and drops its segments.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        state.seconds = 0.0;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: u64, seconds: usize) -> QueuedSegment {
        QueuedSegment { id, samples: vec![0.0; seconds * 16_000], since: Instant::now() }
    }

    fn ids(taken: &[QueuedSegment]) -> Vec<u64> {
        taken.iter().map(|w| w.id).collect()
    }

    #[test]
    fn segments_are_taken_in_order_up_to_the_limit() {
        let queue = SegmentQueue::new(&Arc::new(EngineHandle::new(200.0)));
        for (id, seconds) in [(1, 5), (2, 5), (3, 1)] {
            assert!(queue.push(segment(id, seconds)));
        }
        assert!(queue.take(4.0, 0.0).is_empty());
        assert_eq!(ids(&queue.take(4.0, 1.0)), vec![1]);
        assert_eq!(ids(&queue.take(6.0, 1.0)), vec![2, 3]);
        queue.close();
        assert!(queue.take(6.0, 1.0).is_empty());
        assert!(!queue.push(segment(4, 1)));
    }

    #[test]
    fn push_waits_while_the_queue_is_full() {
        let queue = SegmentQueue::new(&Arc::new(EngineHandle::new(8.0)));
        std::thread::scope(|scope| {
            let pushed = scope.spawn(|| (1..=20).all(|id| queue.push(segment(id, 3))));
            let mut seen = Vec::new();
            while seen.len() < 20 {
                assert!(queue.lock().seconds < 4.0 + 3.0);
                seen.extend(ids(&queue.take(3.0, 1.0)));
            }
            assert_eq!(seen, (1..=20).collect::<Vec<_>>());
            assert!(pushed.join().unwrap());
        });
    }
}
