//! Why there are so many workers, in words. Pure.

use std::time::Duration;

use super::need::{GUESSED_REAL_TIME_FACTOR, MARGIN, View, target};
use super::work::GUESSED_BYTES_A_SECOND;
use crate::words::several;

/// Why there are so many workers: one closed list, for events' reasons and metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The first workers: one of them makes the plan.
    Starting,
    /// There is no plan yet.
    NoPlan,
    /// Without a target `maxWorkers` run.
    NoTarget,
    /// The target has passed.
    TargetPassed,
    /// There is a target and no figures yet: a guess.
    Guess,
    /// There is a target, and no figures after a tenth of it.
    NoFigures,
    /// More are needed for the target.
    MoreNeeded,
    /// As many as there are will do.
    OnCourse,
    /// Fewer would do, but not for long enough.
    WaitingToLower,
    /// Fewer were enough for a whole delay.
    FewerNeeded,
    /// More would be good, but there are no shards for them.
    FewShards,
    /// More would be good, but some find no node.
    NoRoom,
    /// More than `maxWorkers` ran.
    AboveMaximum,
    /// Fewer than `minWorkers` ran.
    BelowMinimum,
}

impl Why {
    /// As in events' reasons.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::NoPlan => "NoPlan",
            Self::NoTarget => "NoTarget",
            Self::TargetPassed => "TargetPassed",
            Self::Guess => "Guess",
            Self::NoFigures => "NoFigures",
            Self::MoreNeeded => "MoreNeeded",
            Self::OnCourse => "OnCourse",
            Self::WaitingToLower => "WaitingToLower",
            Self::FewerNeeded => "FewerNeeded",
            Self::FewShards => "FewShards",
            Self::NoRoom => "NoRoom",
            Self::AboveMaximum => "AboveMaximum",
            Self::BelowMinimum => "BelowMinimum",
        }
    }
}

/// One sentence for an event and the log.
pub(super) fn words(view: &View<'_>, workers: u32, why: Why, eta: Option<Duration>) -> String {
    let observation = view.observation;
    let scaling = observation.scaling;
    let (desired, max) = (observation.desired, scaling.max_workers);
    let change = match desired {
        0 => several(workers, "worker"),
        _ if workers == desired => format!("still {}", several(workers, "worker")),
        _ => format!("{desired} -> {}", several(workers, "worker")),
    };
    let open = view.work.map_or(0, |work| work.open_shards);
    let reason = match why {
        Why::Starting => "one of them makes the plan".to_owned(),
        Why::NoPlan => "there is no plan yet".to_owned(),
        Why::NoTarget => format!(
            "without targetCompletionSeconds maxWorkers ({max}) run, at most one for each of {open} open shards"
        ),
        Why::TargetPassed => format!(
            "targetCompletionSeconds has passed, so maxWorkers ({max}) run, at most one for each of {open} open shards"
        ),
        Why::Guess => format!(
            "until there are figures, a guess of {GUESSED_BYTES_A_SECOND} bytes and {GUESSED_REAL_TIME_FACTOR} worker seconds per audio second"
        ),
        Why::NoFigures => "no worker told figures in a tenth of targetCompletionSeconds".to_owned(),
        Why::MoreNeeded | Why::OnCourse | Why::WaitingToLower | Why::FewerNeeded => course(view, eta),
        Why::FewShards => format!("more would have nothing to do, with open shards: {open}"),
        Why::NoRoom => format!("more are wanted, but pods find no node: {}", observation.unschedulable),
        Why::AboveMaximum => format!("maxWorkers is {max}"),
        Why::BelowMinimum => format!("minWorkers is {}", scaling.min_workers),
    };
    let later = match why {
        Why::WaitingToLower => {
            format!("; fewer would do, and will once that holds for {} s", scaling.scale_down_delay_seconds)
        }
        Why::FewerNeeded => format!("; fewer were enough for {} s", scaling.scale_down_delay_seconds),
        _ => String::new(),
    };
    format!("{change}: {reason}{later}")
}

fn course(view: &View<'_>, eta: Option<Duration>) -> String {
    let (Some(work), Some(pace), Some(target)) = (view.work, view.pace, target(view.observation)) else {
        return "the target needs so many".to_owned();
    };
    let left = (target - view.observation.elapsed.as_secs_f64()).max(0.0);
    let done = eta.map_or_else(String::new, |eta| format!(", done in about {} s", eta.as_secs()));
    format!(
        "{:.0} s of audio at {:.4} worker seconds per second in {left:.0} s, less {:.0} s for the unforeseen{done}",
        work.audio_seconds,
        pace.real_time_factor,
        MARGIN * target,
    )
}
