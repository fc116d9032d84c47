//! The bounded window of segments that wait for the model. Lanes take from it in the order of arrival.
//!
//! First come, first served, and not sorted by length: a lane pads nothing (each row has its own caches, each encoder
//! run one segment), so sorting would gain nothing, and no segment can starve. The window is bounded by seconds
//! of audio: listeners wait while it is full, whatever the length of their files.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use verbatim_protocol::controls::Controls;

/// How long a lane waits for a better batch. A source that is this slow is slower than the model anyway.
const PATIENCE: Duration = Duration::from_millis(250);

/// A segment on its way to the model.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// Number that names the segment in this run.
    pub(super) id: u64,
    /// 16 kHz samples, padded to a length that the model takes.
    pub(super) samples: Vec<f32>,
    /// Since when it waits.
    pub(super) since: Instant,
}

impl Waiting {
    /// Its length in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(super::audio::SAMPLE_RATE)
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    seconds: f64,
    closed: bool,
    /// Raised to have lanes look at something else than segments.
    wakes: u64,
}

/// Segments between the listeners and the lanes.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
    controls: Arc<Controls>,
}

impl Pool {
    /// A pool that holds about half of the budget, one segment more where it is not full yet: a lane that runs low asks
    /// for a quarter to half of its own.
    pub(super) fn new(controls: &Arc<Controls>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), controls: Arc::clone(controls) }
    }

    fn window_seconds(&self) -> f64 {
        self.controls.max_padded_seconds() / 2.0
    }

    // A thread that panicked with the lock left nothing half-done: every change is one push, pop or assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a segment, once there is room; false when the pool is closed.
    pub(super) fn push(&self, segment: Waiting) -> bool {
        let mut state = self.lock();
        while !state.closed && state.seconds >= self.window_seconds() {
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

    /// Takes segments of up to `room_seconds`.
    ///
    /// `wanted_seconds` above zero: waits until that much is there, the pool is closed, or `PATIENCE` is over, and takes
    /// at least one segment, whatever its length. An empty answer from a closed pool means that it is done.
    pub(super) fn take(&self, room_seconds: f64, wanted_seconds: f64) -> Vec<Waiting> {
        let mut state = self.lock();
        let wanted = wanted_seconds.min(self.window_seconds());
        let deadline = Instant::now() + PATIENCE;
        let wakes = state.wakes;
        while !state.closed && state.seconds < wanted && state.wakes == wakes {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let (guard, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = guard;
        }
        let one = wanted_seconds > 0.0;
        let (mut taken, mut seconds) = (Vec::new(), 0.0);
        while let Some(next) = state.waiting.front() {
            let fits = seconds + next.seconds() <= room_seconds;
            if !(fits || one && taken.is_empty()) {
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

    /// Has the lanes that wait look around.
    pub(super) fn wake(&self) {
        self.lock().wakes += 1;
        self.changed.notify_all();
    }

    /// Whether no more segments will come and none is left.
    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        state.closed && state.waiting.is_empty()
    }

    /// No more segments will come; lanes go on until it is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Throws away what waits, and takes no more.
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

    fn segment(id: u64, seconds: usize) -> Waiting {
        Waiting { id, samples: vec![0.0; seconds * 16_000], since: Instant::now() }
    }

    fn ids(taken: &[Waiting]) -> Vec<u64> {
        taken.iter().map(|w| w.id).collect()
    }

    #[test]
    fn segments_are_taken_in_order_up_to_the_room() {
        let pool = Pool::new(&Arc::new(Controls::new(200.0)));
        for (id, seconds) in [(1, 5), (2, 5), (3, 1)] {
            assert!(pool.push(segment(id, seconds)));
        }
        assert!(pool.take(4.0, 0.0).is_empty());
        assert_eq!(ids(&pool.take(4.0, 1.0)), vec![1]);
        assert_eq!(ids(&pool.take(6.0, 1.0)), vec![2, 3]);
        pool.close();
        assert!(pool.take(6.0, 1.0).is_empty());
        assert!(!pool.push(segment(4, 1)));
    }

    #[test]
    fn a_full_window_makes_listeners_wait() {
        let pool = Pool::new(&Arc::new(Controls::new(8.0)));
        std::thread::scope(|scope| {
            let pushed = scope.spawn(|| (1..=20).all(|id| pool.push(segment(id, 3))));
            let mut seen = Vec::new();
            while seen.len() < 20 {
                assert!(pool.lock().seconds < 4.0 + 3.0);
                seen.extend(ids(&pool.take(3.0, 1.0)));
            }
            assert_eq!(seen, (1..=20).collect::<Vec<_>>());
            assert!(pushed.join().unwrap());
        });
    }
}
