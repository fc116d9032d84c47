//! How many workers the time that is left takes. Pure.

use super::Observation;
use super::rate::Pace;
use super::work::Work;

/// Worker seconds per audio second where nothing is known: twice what two cores take (docs/benchmarks.md: 0.0094), so
/// that a job begins with too many workers rather than too few.
pub(super) const GUESSED_REAL_TIME_FACTOR: f64 = 0.02;
/// Part of the target that is kept for what is not foreseen: starts of pods, lost nodes, slow recordings.
pub(super) const MARGIN: f64 = 0.1;
/// Part of a margin on either side in which nothing changes: noise of factors is some percent of the target.
const BAND: f64 = 0.75;
/// Part of the target after which workers without figures are not waited for.
pub(super) const PATIENCE: f64 = 0.1;

/// What a decision goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) observation: &'a Observation<'a>,
    pub(super) work: Option<&'a Work>,
    pub(super) pace: Option<&'a Pace>,
    /// Seconds since the first look.
    pub(super) watched: f64,
}

/// Workers that are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// There is no plan yet.
    Unknown,
    /// There is no target.
    NoTarget,
    /// The target has passed.
    Late,
    /// There are no figures after all the patience.
    NoFigures,
    /// There are no figures yet, so this many by stated constants.
    Guess(u32),
    /// By figures.
    Figures {
        /// Fewer than this are surely too few; more than the present ones: raise.
        tight: u32,
        /// The right number, with the whole margin.
        right: u32,
        /// More than this are surely too many.
        ample: u32,
    },
}

/// Seconds from the start in which the job shall be done.
pub(super) fn target(observation: &Observation<'_>) -> Option<f64> {
    let target = f64::from(observation.scaling.target_completion_seconds?);
    Some(observation.deadline.map_or(target, |deadline| target.min(deadline.as_secs_f64())))
}

/// Says how many workers are needed.
pub(super) fn need(view: &View<'_>) -> Need {
    let Some(work) = view.work else { return Need::Unknown };
    let Some(target) = target(view.observation) else { return Need::NoTarget };
    let left = target - view.observation.elapsed.as_secs_f64();
    if left <= 0.0 {
        return Need::Late;
    }
    let Some(pace) = view.pace.filter(|_| !work.guessed) else {
        if view.watched > PATIENCE * target && view.observation.desired > 0 {
            return Need::NoFigures;
        }
        let factor = view.pace.map_or(GUESSED_REAL_TIME_FACTOR, |pace| pace.real_time_factor);
        return Need::Guess(workers(work.audio_seconds * factor, usable(left, MARGIN * target)));
    };
    let seconds = work.audio_seconds * pace.real_time_factor;
    // The last shard is begun by someone when the others are done.
    let last = (work.shard_seconds * pace.slowest).min(left / 2.0);
    let at = |margins: f64| workers(seconds, usable(left, last.max(0.0) + margins * MARGIN * target));
    Need::Figures { tight: at(1.0 - BAND), right: at(1.0), ample: at(1.0 + BAND) }
}

/// Time that can be used: what is left less what is reserved, but a quarter of it in any case.
fn usable(left: f64, reserved: f64) -> f64 {
    (left - reserved).max(left / 4.0)
}

fn workers(worker_seconds: f64, seconds: f64) -> u32 {
    // Casts of floats saturate.
    (worker_seconds / seconds).ceil().max(1.0) as u32
}
