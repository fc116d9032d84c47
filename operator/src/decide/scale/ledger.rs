//! How much a worker does, from the ledger alone: for when no counter can be believed. Takes each look.

use std::collections::VecDeque;

use super::Observation;

/// Seconds that count: twice those of counters, since the ledger moves when claims are renewed.
const WINDOW: f64 = 1200.0;
/// Seconds before it is believed: claims are renewed every ten, so that it is behind by a twentieth at most.
const BELIEVABLE_SECONDS: f64 = 180.0;
/// Longest time between two looks that counts as watched.
const WATCHED: f64 = 300.0;

/// Where the ledger was at a look.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: f64,
    worker_seconds: f64,
    audio: f64,
}

/// What the ledger says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// Worker seconds per audio second.
    pub(super) real_time_factor: f64,
    /// Seconds in which that was seen.
    pub(super) watched: f64,
    /// It was seen from the job's beginning: nothing was in flight then, so that the factor is too high, never too low.
    pub(super) whole: bool,
}

/// What the ledger said.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    points: VecDeque<Point>,
}

impl Ledger {
    /// Takes a look, and the time that workers were there until now.
    pub(super) fn look(&mut self, now: f64, observation: &Observation<'_>, worker_seconds: f64) {
        let Some(job) = observation.job else { return };
        let audio = job.audio_milliseconds as f64 / 1e3;
        if let Some(last) = self.points.back().copied() {
            let seconds = now - last.at;
            if seconds <= 0.0 {
                return;
            }
            if audio < last.audio || seconds > WATCHED {
                self.points.clear();
            }
        }
        self.points.push_back(Point { at: now, worker_seconds, audio });
        while self.points.front().is_some_and(|point| point.at < now - WINDOW) {
            self.points.pop_front();
        }
    }

    /// What it says; once that is believable.
    pub(super) fn told(&self) -> Option<Told> {
        let (first, last) = (self.points.front()?, self.points.back()?);
        let (seconds, audio) = (last.worker_seconds - first.worker_seconds, last.audio - first.audio);
        let watched = last.at - first.at;
        let whole = first.audio <= 0.0;
        (watched >= BELIEVABLE_SECONDS && seconds > 0.0 && audio > 0.0).then(|| Told {
            real_time_factor: seconds / audio,
            watched,
            whole,
        })
    }
}
