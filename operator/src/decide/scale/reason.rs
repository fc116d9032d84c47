//! Reasons for the number of workers, with a sentence for people. Pure.

use std::time::Duration;

use verbatim_text::count;

use super::backlog::GUESSED_BYTES_PER_SECOND;
use super::demand::{GUESSED_REAL_TIME_FACTOR, MARGIN, View, target};

/// Reason for the number of workers: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalingReason {
    /// The first workers start: one of them makes the plan.
    Starting,
    /// There is no plan yet.
    NoPlan,
    /// Without a target `maxWorkers` run.
    NoTarget,
    /// The target has passed.
    TargetPassed,
    /// There is a target and no measurement yet: an estimate from constants.
    Guess,
    /// There is a target, and no measurement after a tenth of it.
    NoFigures,
    /// The target needs more workers.
    MoreNeeded,
    /// The current number suffices.
    OnCourse,
    /// Fewer would suffice, but not for long enough.
    WaitingToLower,
    /// Fewer have sufficed for a whole delay.
    FewerNeeded,
    /// More would help, but there are no shards for them.
    FewShards,
    /// More would help, but the scheduler cannot place some pods.
    NoRoom,
    /// More than `maxWorkers` ran.
    AboveMaximum,
    /// Fewer than `minWorkers` ran.
    BelowMinimum,
}

/// One sentence for the event and the log.
pub(super) fn message(view: &View<'_>, workers: u32, reason: ScalingReason, eta: Option<Duration>) -> String {
    let input = view.input;
    let scaling = input.scaling;
    let (desired, max) = (input.desired, scaling.max_workers);
    let number = count(workers, "worker", "workers");
    let change = match desired {
        0 => number,
        _ if workers == desired => format!("still {number}"),
        _ => format!("{desired} -> {number}"),
    };
    let open = view.backlog.map_or(0, |backlog| backlog.open_shards);
    let explanation = match reason {
        ScalingReason::Starting => "one of them makes the plan".to_owned(),
        ScalingReason::NoPlan => "there is no plan yet".to_owned(),
        ScalingReason::NoTarget => format!(
            "without targetCompletionSeconds maxWorkers ({max}) run, at most one for each of {open} open shards"
        ),
        ScalingReason::TargetPassed => format!(
            "targetCompletionSeconds has passed, so maxWorkers ({max}) run, at most one for each of {open} open shards"
        ),
        ScalingReason::Guess => format!(
            "until there are measurements, an estimate of {GUESSED_BYTES_PER_SECOND} bytes and \
             {GUESSED_REAL_TIME_FACTOR} worker seconds per audio second"
        ),
        ScalingReason::NoFigures => {
            "no worker reported progress in a tenth of targetCompletionSeconds".to_owned()
        }
        ScalingReason::MoreNeeded
        | ScalingReason::OnCourse
        | ScalingReason::WaitingToLower
        | ScalingReason::FewerNeeded => calculation(view, eta),
        ScalingReason::FewShards => {
            format!("more would be idle: {}", count(open, "open shard", "open shards"))
        }
        ScalingReason::NoRoom => {
            format!("more are needed, but {} cannot be scheduled", count(input.unschedulable, "pod", "pods"))
        }
        ScalingReason::AboveMaximum => format!("maxWorkers is {max}"),
        ScalingReason::BelowMinimum => format!("minWorkers is {}", scaling.min_workers),
    };
    let delay = scaling.scale_down_delay_seconds;
    let decrease = match reason {
        ScalingReason::WaitingToLower => {
            format!("; fewer would suffice, and the number decreases once that holds for {delay} s")
        }
        ScalingReason::FewerNeeded => format!("; fewer have sufficed for {delay} s"),
        _ => String::new(),
    };
    format!("{change}: {explanation}{decrease}")
}

fn calculation(view: &View<'_>, eta: Option<Duration>) -> String {
    let (Some(backlog), Some(pace), Some(target)) = (view.backlog, view.pace, target(view.input)) else {
        return "the target needs this many".to_owned();
    };
    let left = (target - view.input.elapsed.as_secs_f64()).max(0.0);
    let done = eta.map_or_else(String::new, |eta| format!(", done in about {} s", eta.as_secs()));
    format!(
        "{:.0} s of audio at {:.4} worker seconds per audio second in {left:.0} s, with a margin of {:.0} s{done}",
        backlog.audio_seconds,
        pace.real_time_factor,
        MARGIN * target,
    )
}
