//! How much a worker does, from the ledger alone: for when no counter can be believed. Takes each look.

use std::collections::VecDeque;

use super::Observation;
use super::rate::Pace;

/// Seconds that count: twice those of counters, since the ledger moves when claims are renewed.
const WINDOW: f64 = 1200.0;
/// Worker seconds before it is believed: a few renewals of claims, every ten seconds, of a few workers.
const BELIEVABLE_SECONDS: f64 = 240.0;
/// Longest time between two looks that counts as watched.
const WATCHED: f64 = 300.0;

/// Where the ledger was at a look.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: f64,
    worker_seconds: f64,
    audio: f64,
}

/// What the ledger said.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    points: VecDeque<Point>,
}

impl Ledger {
    /// Takes a look.
    pub(super) fn look(&mut self, now: f64, observation: &Observation<'_>) {
        let Some(job) = observation.job else { return };
        let audio = job.audio_milliseconds as f64 / 1e3;
        let running = f64::from(observation.desired.saturating_sub(observation.unschedulable));
        let mut worker_seconds = 0.0;
        if let Some(last) = self.points.back().copied() {
            let seconds = now - last.at;
            if seconds <= 0.0 {
                return;
            }
            if audio < last.audio || seconds > WATCHED {
                self.points.clear();
            } else {
                worker_seconds = last.worker_seconds + running * seconds;
            }
        }
        self.points.push_back(Point { at: now, worker_seconds, audio });
        while self.points.front().is_some_and(|point| point.at < now - WINDOW) {
            self.points.pop_front();
        }
    }

    /// How fast workers are, once that is believable.
    pub(super) fn pace(&self) -> Option<Pace> {
        let (first, last) = (self.points.front()?, self.points.back()?);
        let (seconds, audio) = (last.worker_seconds - first.worker_seconds, last.audio - first.audio);
        if seconds < BELIEVABLE_SECONDS || audio <= 0.0 {
            return None;
        }
        let real_time_factor = seconds / audio;
        Some(Pace { real_time_factor, slowest: real_time_factor })
    }
}
