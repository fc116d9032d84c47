//! How many of the workers that are asked for are there. Takes each look.

use std::collections::BTreeMap;

use super::Observation;
use super::track::UNHEARD;

/// Seconds in which the part that is there follows a change: lost nodes are seldom and come back within minutes.
const MEMORY: f64 = 900.0;
/// Seconds after a change of the number from which missing workers are a loss, not a start.
const STARTED: f64 = 120.0;
/// Least part that is believed: below, something is broken that the future will not be like.
const LEAST: f64 = 0.5;

/// Who is there.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    heard: BTreeMap<String, f64>,
    desired: u32,
    changed: f64,
    last: f64,
    /// Part of those who could be there that are there, lately.
    there: f64,
    /// Time that workers were there, in seconds.
    worker_seconds: f64,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { heard: BTreeMap::new(), desired: 0, changed: 0.0, last: 0.0, there: 1.0, worker_seconds: 0.0 }
    }
}

impl Fleet {
    /// Takes a look.
    pub(super) fn look(&mut self, now: f64, observation: &Observation<'_>) {
        for sample in observation.workers {
            // Scrapes that failed in between do not count; who is not heard of again was not there.
            let since = self.heard.insert(sample.name.clone(), now);
            let most = since.map_or(now - self.last, |since| now - since);
            self.worker_seconds += sample.up.as_secs_f64().min(most).clamp(0.0, UNHEARD);
        }
        self.heard.retain(|_, heard| now - *heard <= UNHEARD);
        if observation.desired != self.desired {
            (self.desired, self.changed) = (observation.desired, now);
        }
        let passed = (now - self.last).max(0.0);
        self.last = now;
        let placed = observation.desired.saturating_sub(observation.unschedulable);
        if placed > 0 && now - self.changed > STARTED {
            let there = (f64::from(self.up()) / f64::from(placed)).min(1.0);
            self.there += (there - self.there) * (1.0 - (-passed / MEMORY).exp());
        }
    }

    /// Workers that were heard of lately.
    pub(super) fn up(&self) -> u32 {
        u32::try_from(self.heard.len()).unwrap_or(u32::MAX)
    }

    /// Time that workers were there since the first look, in seconds.
    pub(super) fn worker_seconds(&self) -> f64 {
        self.worker_seconds
    }

    /// Part of the workers with a node that work, on average.
    pub(super) fn part(&self) -> f64 {
        self.there.clamp(LEAST, 1.0)
    }
}
