//! Rate of one worker: intervals that begin and end where its counter grew, so that no part of a recording in
//! flight is counted.

use std::collections::VecDeque;

use super::input::WorkerSample;

/// Seconds for which intervals are kept, and the longest that one may count for: an hour.
pub(super) const KEPT: f64 = 3600.0;
/// Seconds without a sample after which a worker counts as gone: a few scrapes of half a minute may fail.
pub(super) const ABSENT: f64 = 90.0;
/// Seconds since ready after which a worker's whole life is an interval, although no recording ended just
/// now: the error is corrected when the next one ends.
const MIN_LIFE: f64 = 120.0;
/// Highest plausible audio seconds per second of a worker. It is chosen far above any device, and only keeps
/// a wrong counter from deciding the number of workers.
const MAX_RATE: f64 = 50_000.0;
/// Increments that a whole life counts for.
const INCREMENTS_OF_A_LIFE: usize = 4;
/// Seconds by which the time since ready may decrease: clocks of two machines differ.
const CLOCK_SKEW: f64 = 5.0;

/// Work between two increments of a counter.
#[derive(Clone, Copy, Debug)]
struct Interval {
    /// Time of the end, in seconds.
    at: f64,
    /// Length in seconds.
    seconds: f64,
    /// Audio in seconds.
    audio: f64,
    /// Increments of the counter that it counts for.
    increments: usize,
}

/// Sums of a worker's recent intervals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) increments: usize,
    pub(super) seconds: f64,
    pub(super) audio: f64,
    /// Length of the longest interval of one increment, in seconds.
    pub(super) longest: f64,
}

/// History of one worker.
#[derive(Clone, Debug)]
pub(super) struct WorkerRate {
    /// End of the last interval, in seconds.
    counted: f64,
    /// Counter at that time.
    counter: f64,
    /// Time of the last sample.
    last_sample: f64,
    /// Time since ready at the last sample.
    up: f64,
    intervals: VecDeque<Interval>,
    sums: Sums,
}

impl WorkerRate {
    /// A worker's first sample. Invalid samples (NaN, negative) are ignored.
    pub(super) fn new(now: f64, sample: &WorkerSample) -> Option<Self> {
        let counter = valid(sample.audio_seconds)?;
        let mut rate = Self {
            counted: now,
            counter,
            last_sample: now,
            up: 0.0,
            intervals: VecDeque::new(),
            sums: Sums::default(),
        };
        rate.begin(now, counter, sample.up.as_secs_f64());
        Some(rate)
    }

    /// Adds a sample. Invalid samples (NaN, negative, decreasing, out of range) are ignored.
    pub(super) fn update(&mut self, now: f64, sample: &WorkerSample) {
        let Some(counter) = valid(sample.audio_seconds) else { return };
        let up = sample.up.as_secs_f64();
        if up + CLOCK_SKEW < self.up {
            self.begin(now, counter, up);
            return;
        }
        if counter < self.counter {
            // The process is the same, so its counter is wrong, and its earlier values are not reliable
            // either.
            self.intervals.clear();
            (self.counted, self.counter, self.last_sample, self.up) = (now, counter, now, up);
            return;
        }
        (self.last_sample, self.up) = (now, up);
        let (seconds, audio) = (now - self.counted, counter - self.counter);
        if audio <= 0.0 || seconds <= 0.0 {
            return;
        }
        (self.counted, self.counter) = (now, counter);
        if audio <= MAX_RATE * seconds {
            self.add(now, seconds, audio, 1);
        }
    }

    /// Drops intervals that are too old.
    pub(super) fn expire(&mut self, now: f64) {
        while self.intervals.front().is_some_and(|interval| interval.at < now - KEPT) {
            self.intervals.pop_front();
        }
    }

    /// Ends of the intervals in seconds, the latest first, each repeated for its increments.
    pub(super) fn increments(&self) -> impl Iterator<Item = f64> + '_ {
        self.intervals.iter().rev().flat_map(|interval| std::iter::repeat_n(interval.at, interval.increments))
    }

    /// Sums the intervals that ended since then.
    pub(super) fn add_up(&mut self, since: f64) {
        let recent = self.intervals.iter().rev().take_while(|interval| interval.at >= since);
        self.sums = recent.fold(Sums::default(), |sums, interval| Sums {
            increments: sums.increments + interval.increments,
            seconds: sums.seconds + interval.seconds,
            audio: sums.audio + interval.audio,
            longest: if interval.increments == 1 { sums.longest.max(interval.seconds) } else { sums.longest },
        });
    }

    pub(super) fn is_present(&self, now: f64) -> bool {
        now - self.last_sample <= ABSENT
    }

    pub(super) fn is_expired(&self, now: f64) -> bool {
        !self.is_present(now) && self.intervals.is_empty()
    }

    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// Seconds since the worker was ready.
    pub(super) fn up(&self, now: f64) -> f64 {
        self.up + (now - self.last_sample)
    }

    /// Seconds since the counter grew; 0 once the worker is gone.
    pub(super) fn pending(&self, now: f64) -> f64 {
        if self.is_present(now) { (now - self.counted).max(0.0) } else { 0.0 }
    }

    /// Begins with a new process. Its whole life is an interval if it is long enough.
    fn begin(&mut self, now: f64, counter: f64, up: f64) {
        (self.last_sample, self.up) = (now, up);
        if up >= MIN_LIFE && counter > 0.0 {
            (self.counted, self.counter) = (now, counter);
            if counter <= MAX_RATE * up {
                self.add(now, up, counter, INCREMENTS_OF_A_LIFE);
            }
        } else {
            // Its work is counted when the counter grows next, from the time when it was ready.
            (self.counted, self.counter) = (now - up, 0.0);
            if counter > MAX_RATE * up.max(1.0) {
                (self.counted, self.counter) = (now, counter);
            }
        }
    }

    fn add(&mut self, at: f64, seconds: f64, audio: f64, increments: usize) {
        let share = (KEPT / seconds).min(1.0);
        self.intervals.push_back(Interval { at, seconds: seconds * share, audio: audio * share, increments });
    }
}

fn valid(counter: f64) -> Option<f64> {
    (counter.is_finite() && counter >= 0.0).then_some(counter)
}
