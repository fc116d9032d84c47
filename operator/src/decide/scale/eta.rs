//! When the job will be done. Pure.

use std::time::Duration;

use super::fleet::Fleet;
use super::need::View;

/// Seconds from asking for a worker until it works: a pod's start (seconds; a minute with a new image) and loading a model.
const START: f64 = 45.0;
/// Longest time that is said: ten years; beyond it the figures are nonsense.
const LONGEST: f64 = 315_360_000.0;
/// Part of a shard's time that the last one takes after the others: those who end last began at different times.
const LAST: f64 = 0.8;

/// What is to come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Forecast {
    /// Audio seconds a second, now.
    pub(super) speed_up: Option<f64>,
    /// From now.
    pub(super) eta: Option<Duration>,
}

/// Says when the job will be done with so many workers.
pub(super) fn forecast(view: &View<'_>, fleet: &Fleet, workers: u32) -> Forecast {
    let Some((work, pace)) = view.work.zip(view.pace) else { return Forecast::default() };
    let open = f64::from(work.open_shards);
    let up = f64::from(fleet.up()).min(f64::from(view.observation.desired)).min(open);
    let speed_up = Some(up / pace.real_time_factor);
    if work.guessed {
        return Forecast { speed_up, eta: None };
    }
    let placed = f64::from(workers.saturating_sub(view.observation.unschedulable)) * fleet.part();
    let later = placed.min(open).max(1.0);
    let seconds = work.audio_seconds * pace.real_time_factor;
    let start = if later > up + 0.5 && !view.observation.settled { START } else { 0.0 };
    let bulk =
        if seconds <= up * start { seconds / up.max(1.0) } else { start + (seconds - up * start) / later };
    let shard = work.shard_seconds;
    let eta = if open > later {
        bulk + (LAST * shard * pace.slowest - shard * pace.real_time_factor / 2.0).max(0.0)
    } else {
        // Everything is claimed: the fullest shard decides.
        let fullest = (work.audio_seconds / open.max(1.0) * 1.5).min(shard);
        bulk.max(fullest * pace.slowest)
    };
    Forecast { speed_up, eta: Duration::try_from_secs_f64(eta.clamp(0.0, LONGEST)).ok() }
}
