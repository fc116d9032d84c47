//! Schedule of the supervisor's periodic steps. Takes the time; tells which steps are due.

use std::time::{Duration, Instant};

/// Interval between two checks of engines' memory and progress. An engine allocates tens of megabytes in that
/// time at most, and a check takes some microseconds.
const TICK: Duration = Duration::from_millis(100);

/// Interval between two measurements of everything: finer than any scrape interval in use.
const MEASURE: Duration = Duration::from_secs(1);

/// Interval between two estimates of growth: one takes some milliseconds, and is about minutes and hours.
const ESTIMATE: Duration = Duration::from_secs(10);

/// Times at which the periodic steps are due next.
pub(crate) struct Schedule {
    began: Instant,
    next_tick: Instant,
    next_measure: Instant,
    next_estimate: Instant,
}

impl Schedule {
    /// Everything is due now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, next_tick: now, next_measure: now, next_estimate: now }
    }

    /// Makes a tick due at once.
    pub(crate) fn tick_now(&mut self) {
        self.next_tick = Instant::now();
    }

    /// Time until the next tick.
    pub(crate) fn until_tick(&self, now: Instant) -> Duration {
        self.next_tick.saturating_duration_since(now)
    }

    /// Seconds since the supervisor started.
    pub(crate) fn seconds(&self, now: Instant) -> f64 {
        (now - self.began).as_secs_f64()
    }

    pub(crate) fn tick_is_due(&mut self, now: Instant) -> bool {
        is_due(&mut self.next_tick, TICK, now)
    }

    pub(crate) fn measure_is_due(&mut self, now: Instant) -> bool {
        is_due(&mut self.next_measure, MEASURE, now)
    }

    pub(crate) fn estimate_is_due(&mut self, now: Instant) -> bool {
        is_due(&mut self.next_estimate, ESTIMATE, now)
    }
}

/// Whether a step is due; if so, the next one is due after the interval.
fn is_due(next: &mut Instant, interval: Duration, now: Instant) -> bool {
    let due = now >= *next;
    if due {
        *next = now + interval;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_due_once_per_interval() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        let (mut ticks, mut measures, mut estimates) = (0, 0, 0);
        for millisecond in (0..20_000).step_by(50) {
            let now = start + Duration::from_millis(millisecond);
            ticks += usize::from(schedule.tick_is_due(now));
            measures += usize::from(schedule.measure_is_due(now));
            estimates += usize::from(schedule.estimate_is_due(now));
        }
        assert_eq!((ticks, measures, estimates), (200, 20, 2));
        assert_eq!(schedule.seconds(start + Duration::from_secs(3)), 3.0);
    }
}
