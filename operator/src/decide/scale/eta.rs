//! When the job will be done. Pure.

use std::time::Duration;

use super::fleet::Fleet;
use super::need::View;

/// Seconds from asking for a worker until it works: a pod's start (seconds; a minute with a new image) and loading a model.
const START: f64 = 45.0;
/// Longest time that is said: ten years; beyond it the figures are nonsense.
const LONGEST: f64 = 315_360_000.0;
/// Times the mean of what is left of shards that the fullest has left, when all are claimed.
const FULLEST: f64 = 1.5;

/// Part of the workers that are waited for: beyond, it is the noise of single figures that is the highest.
const ALMOST_ALL: f64 = 0.99;

/// What is to come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Forecast {
    /// Audio seconds a second, now; none once all shards are done.
    pub(super) speed_up: Option<f64>,
    /// From now.
    pub(super) eta: Option<Duration>,
}

/// Says when the job will be done with so many workers. `each` worker that is there: seconds since it was ready, and its
/// seconds per audio second.
pub(super) fn forecast(view: &View<'_>, fleet: &Fleet, each: &[(f64, f64)], workers: u32) -> Forecast {
    let Some((work, pace)) = view.work.zip(view.pace) else { return Forecast::default() };
    let open = f64::from(work.open_shards);
    let up = f64::from(fleet.up()).min(f64::from(view.observation.desired)).min(open);
    // With every shard done only the report is left to write, and that has no speed.
    let speed_up = (work.open_shards > 0).then(|| up / pace.real_time_factor);
    if work.guessed {
        return Forecast { speed_up, eta: None };
    }
    let placed = f64::from(workers.saturating_sub(view.observation.unschedulable)) * fleet.part();
    let later = placed.min(open).max(1.0);
    let seconds = work.audio_seconds * pace.real_time_factor;
    let start = if later > up + 0.5 && !view.observation.settled { START } else { 0.0 };
    let shard = work.shard_seconds * pace.real_time_factor;
    let takes = |seconds: f64| {
        if seconds <= up * start { seconds / up.max(1.0) } else { start + (seconds - up * start) / later }
    };
    // From when no shard is free, on average half of one is left to each; then the last one decides.
    let last = if open > later { takes((seconds - later * shard / 2.0).max(0.0)) } else { 0.0 };
    let fullest = if open > later { f64::INFINITY } else { FULLEST * work.audio_seconds / open.max(1.0) };
    let mut ends: Vec<f64> = each
        .iter()
        .map(|(up, factor)| ends(*up, work.shard_seconds * factor, last).min(last + fullest * factor))
        .collect();
    ends.sort_unstable_by(f64::total_cmp);
    let end = ends.get((ends.len() as f64 * ALMOST_ALL) as usize).or(ends.last()).copied().unwrap_or(0.0);
    let eta = takes(seconds).max(end);
    Forecast { speed_up, eta: Duration::try_from_secs_f64(eta.clamp(0.0, LONGEST)).ok() }
}

/// When a worker ends the shard that it has at `last`, in seconds from now: it was ready `up` seconds ago, and each of its
/// shards takes `shard` seconds.
fn ends(up: f64, shard: f64, last: f64) -> f64 {
    if shard <= 0.0 { last } else { ((up + last) / shard).ceil() * shard - up }
}
