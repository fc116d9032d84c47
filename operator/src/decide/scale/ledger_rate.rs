//! Rate of the workers from the ledger alone, for when no worker's counter is reliable.

use std::collections::VecDeque;

use super::input::ScalingInput;

/// Window in seconds: twice that of counters, since the ledger changes when claims are renewed.
const WINDOW: f64 = 1200.0;
/// Seconds before the rate is reliable: claims are renewed every ten seconds, so it lags by a twentieth at
/// most.
const RELIABLE_SECONDS: f64 = 180.0;
/// Longest gap in seconds between two updates within one window.
const MAX_GAP: f64 = 300.0;

/// State of the ledger at one time.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: f64,
    worker_seconds: f64,
    audio: f64,
}

/// Rate over the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Worker seconds per audio second.
    pub(super) real_time_factor: f64,
    /// Length of the window in seconds.
    pub(super) watched: f64,
    /// Whether the window begins with the job: nothing was in flight then, so the factor is too high rather
    /// than too low.
    pub(super) whole: bool,
}

/// History of the ledger within the window.
#[derive(Clone, Debug, Default)]
pub(super) struct LedgerRate {
    points: VecDeque<Point>,
}

impl LedgerRate {
    /// Adds the current state; `worker_seconds` is the total time that workers have been present.
    pub(super) fn update(&mut self, now: f64, input: &ScalingInput<'_>, worker_seconds: f64) {
        let Some(job) = input.job else { return };
        let audio = job.audio_milliseconds as f64 / 1e3;
        if let Some(last) = self.points.back().copied() {
            let seconds = now - last.at;
            if seconds <= 0.0 {
                return;
            }
            if audio < last.audio || seconds > MAX_GAP {
                self.points.clear();
            }
        }
        self.points.push_back(Point { at: now, worker_seconds, audio });
        while self.points.front().is_some_and(|point| point.at < now - WINDOW) {
            self.points.pop_front();
        }
    }

    /// The rate, once it is reliable.
    pub(super) fn measured(&self) -> Option<Measured> {
        let (first, last) = (self.points.front()?, self.points.back()?);
        let (seconds, audio) = (last.worker_seconds - first.worker_seconds, last.audio - first.audio);
        let watched = last.at - first.at;
        let whole = first.audio <= 0.0;
        (watched >= RELIABLE_SECONDS && seconds > 0.0 && audio > 0.0).then(|| Measured {
            real_time_factor: seconds / audio,
            watched,
            whole,
        })
    }
}
