//! Share of the desired workers that are present.

use std::collections::BTreeMap;

use super::input::ScalingInput;
use super::worker_rate::ABSENT;

/// Time constant in seconds of the share's average: lost nodes are rare and come back within minutes.
const TIME_CONSTANT: f64 = 900.0;
/// Seconds after a change of the number before missing workers count as lost, not as starting.
const START_SECONDS: f64 = 120.0;
/// Lowest share that is used: below, a fault is likely that will not last.
const MIN_SHARE: f64 = 0.5;

/// Presence of workers over time.
#[derive(Clone, Debug)]
pub(super) struct Presence {
    /// Time of each worker's last sample, in seconds.
    last_samples: BTreeMap<String, f64>,
    desired: u32,
    changed: f64,
    last: f64,
    /// Recent share of the schedulable workers that are present.
    share: f64,
    /// Total time that workers have been present, in seconds.
    worker_seconds: f64,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            last_samples: BTreeMap::new(),
            desired: 0,
            changed: 0.0,
            last: 0.0,
            share: 1.0,
            worker_seconds: 0.0,
        }
    }
}

impl Presence {
    /// Adds the current samples.
    pub(super) fn update(&mut self, now: f64, input: &ScalingInput<'_>) {
        for sample in input.workers {
            // Failed scrapes in between do not matter; a worker without a later sample was not present.
            let since = self.last_samples.insert(sample.name.clone(), now);
            let most = since.map_or(now - self.last, |since| now - since);
            self.worker_seconds += sample.up.as_secs_f64().min(most).clamp(0.0, ABSENT);
        }
        self.last_samples.retain(|_, last| now - *last <= ABSENT);
        if input.desired != self.desired {
            (self.desired, self.changed) = (input.desired, now);
        }
        let passed = (now - self.last).max(0.0);
        self.last = now;
        let placed = input.desired.saturating_sub(input.unschedulable);
        if placed > 0 && now - self.changed > START_SECONDS {
            let share = (f64::from(self.up()) / f64::from(placed)).min(1.0);
            self.share += (share - self.share) * (1.0 - (-passed / TIME_CONSTANT).exp());
        }
    }

    /// Workers with a recent sample.
    pub(super) fn up(&self) -> u32 {
        u32::try_from(self.last_samples.len()).unwrap_or(u32::MAX)
    }

    /// Total time that workers have been present since the first update, in seconds.
    pub(super) fn worker_seconds(&self) -> f64 {
        self.worker_seconds
    }

    /// Average share of the scheduled workers that work.
    pub(super) fn share(&self) -> f64 {
        self.share.clamp(MIN_SHARE, 1.0)
    }
}
