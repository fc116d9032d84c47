//! Number of workers that the remaining time needs. Pure.

use super::backlog::Backlog;
use super::fleet_rate::Pace;
use super::input::ScalingInput;

/// Worker seconds per audio second before there are measurements: twice the value of two cores
/// (docs/benchmarks.md: 0.0094), so that a job begins with too many workers rather than too few.
pub(super) const GUESSED_REAL_TIME_FACTOR: f64 = 0.02;
/// Share of the target that is reserved for the unforeseen: starting pods, lost nodes, slow recordings.
pub(super) const MARGIN: f64 = 0.1;
/// Share of the margin on either side in which nothing changes: the noise of measurements is some percent of
/// the target.
const BAND: f64 = 0.75;
/// Share of the target after which measurements are no longer waited for.
pub(super) const PATIENCE: f64 = 0.1;

/// Measurements that a decision is based on.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) input: &'a ScalingInput<'a>,
    pub(super) backlog: Option<&'a Backlog>,
    pub(super) pace: Option<&'a Pace>,
    /// Seconds since the first reconcile.
    pub(super) watched: f64,
}

/// Needed workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// There is no plan yet.
    Unknown,
    /// There is no target.
    NoTarget,
    /// The target has passed.
    Late,
    /// There are still no measurements.
    NoFigures,
    /// There are no measurements yet: a number from constants.
    Guess(u32),
    /// From measurements.
    Figures {
        /// Fewer are too few; if this is above the current number, it increases.
        tight: u32,
        /// The number with the whole margin.
        right: u32,
        /// More are too many.
        ample: u32,
    },
}

/// Seconds from the start within which the job should be done.
pub(super) fn target(input: &ScalingInput<'_>) -> Option<f64> {
    let target = f64::from(input.scaling.target_completion_seconds?);
    Some(input.deadline.map_or(target, |deadline| target.min(deadline.as_secs_f64())))
}

/// Computes the needed number of workers.
pub(super) fn demand(view: &View<'_>) -> Demand {
    let Some(backlog) = view.backlog else { return Demand::Unknown };
    let Some(target) = target(view.input) else { return Demand::NoTarget };
    let left = target - view.input.elapsed.as_secs_f64();
    if left <= 0.0 {
        return Demand::Late;
    }
    let Some(pace) = view.pace.filter(|_| !backlog.guessed) else {
        if view.watched > PATIENCE * target && view.input.desired > 0 {
            return Demand::NoFigures;
        }
        let factor = view.pace.map_or(GUESSED_REAL_TIME_FACTOR, |pace| pace.real_time_factor);
        return Demand::Guess(workers(backlog.audio_seconds * factor, usable(left, MARGIN * target)));
    };
    let seconds = backlog.audio_seconds * pace.real_time_factor;
    // A worker begins the last shard when the others are done.
    let last = (backlog.shard_seconds * pace.slowest).min(left / 2.0);
    let at = |margins: f64| workers(seconds, usable(left, last.max(0.0) + margins * MARGIN * target));
    Demand::Figures { tight: at(1.0 - BAND), right: at(1.0), ample: at(1.0 + BAND) }
}

/// Usable time: the remaining time without the reserved one, but a quarter of it in any case.
fn usable(left: f64, reserved: f64) -> f64 {
    (left - reserved).max(left / 4.0)
}

fn workers(worker_seconds: f64, seconds: f64) -> u32 {
    // Casts of floats saturate.
    (worker_seconds / seconds).ceil().max(1.0) as u32
}
