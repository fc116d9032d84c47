//! Estimated time until the job is done. Pure.

use std::time::Duration;

use super::demand::View;
use super::presence::Presence;

/// Seconds from requesting a worker until it works: starting a pod (seconds; a minute with a new image) and
/// loading a model.
const START: f64 = 45.0;
/// Longest estimate in seconds: ten years, beyond which the measurements are invalid.
const LONGEST: f64 = 315_360_000.0;
/// Ratio of the largest remainder to the mean remainder of shards, once all are claimed.
const FULLEST: f64 = 1.5;

/// Share of workers whose end counts: the rest is dominated by the noise of single measurements.
const ALMOST_ALL: f64 = 0.99;

/// Estimates.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Forecast {
    /// Current audio seconds per second; `None` once all shards are done.
    pub(super) speed_up: Option<f64>,
    /// Time from now until the job is done.
    pub(super) eta: Option<Duration>,
}

/// Estimates the job's end with this number of workers. `each` has, for every present worker, the seconds
/// since it was ready and its real-time factor.
pub(super) fn forecast(view: &View<'_>, presence: &Presence, each: &[(f64, f64)], workers: u32) -> Forecast {
    let Some((backlog, pace)) = view.backlog.zip(view.pace) else { return Forecast::default() };
    let open = f64::from(backlog.open_shards);
    let up = f64::from(presence.up()).min(f64::from(view.input.desired)).min(open);
    // With every shard done only the report remains, which has no speed.
    let speed_up = (backlog.open_shards > 0).then(|| up / pace.real_time_factor);
    if backlog.guessed {
        return Forecast { speed_up, eta: None };
    }
    let placed = f64::from(workers.saturating_sub(view.input.unschedulable)) * presence.share();
    let later = placed.min(open).max(1.0);
    let seconds = backlog.audio_seconds * pace.real_time_factor;
    let start = if later > up + 0.5 && !view.input.settled { START } else { 0.0 };
    let shard = backlog.shard_seconds * pace.real_time_factor;
    let takes = |seconds: f64| {
        if seconds <= up * start { seconds / up.max(1.0) } else { start + (seconds - up * start) / later }
    };
    // When no shard is free, half a shard is left to each worker on average; from then on the last worker
    // decides.
    let last = if open > later { takes((seconds - later * shard / 2.0).max(0.0)) } else { 0.0 };
    let fullest = if open > later { f64::INFINITY } else { FULLEST * backlog.audio_seconds / open.max(1.0) };
    let mut ends: Vec<f64> = each
        .iter()
        .map(|(up, factor)| ends(*up, backlog.shard_seconds * factor, last).min(last + fullest * factor))
        .collect();
    ends.sort_unstable_by(f64::total_cmp);
    let end = ends.get((ends.len() as f64 * ALMOST_ALL) as usize).or(ends.last()).copied().unwrap_or(0.0);
    let eta = takes(seconds).max(end);
    Forecast { speed_up, eta: Duration::try_from_secs_f64(eta.clamp(0.0, LONGEST)).ok() }
}

/// Seconds from now until a worker ends the shard that it has at `last`: it was ready `up` seconds ago, and
/// each of its shards takes `shard` seconds.
fn ends(up: f64, shard: f64, last: f64) -> f64 {
    if shard <= 0.0 { last } else { ((up + last) / shard).ceil() * shard - up }
}
