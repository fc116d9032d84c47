//! From the demand to the desired number of workers: quick increase, slow decrease, within the user's bounds.

use std::collections::VecDeque;

use super::demand::{Demand, View, target};
use super::reason::ScalingReason;

/// Share of the current workers up to which a decrease pays off: starting a pod again costs part of the
/// savings.
const WORTHWHILE: f64 = 0.85;
/// Open shards per worker below which the job is in its tail.
const TAIL_SHARDS: u32 = 2;
/// Share of the target below which the rest is too short to save anything: the spare time is the margin then.
const SHORT: f64 = 0.15;
/// Largest number of entries in the window: a day of one every twenty seconds.
const MAX_ENTRIES: usize = 4320;

/// Sufficient numbers of workers since fewer than the current ones have sufficed without a break.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Times in seconds with numbers, which decrease: a number that is not above a later one is irrelevant.
    sufficient: VecDeque<(f64, u32)>,
    /// Time since which there was no break.
    since: Option<f64>,
}

impl Window {
    fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds the number that suffices now. Returns the largest of the last `delay` seconds once the window is
    /// that long.
    fn update(&mut self, now: f64, enough: u32, delay: f64) -> Option<u32> {
        let since = *self.since.get_or_insert(now);
        while self.sufficient.back().is_some_and(|(_, number)| *number <= enough) {
            self.sufficient.pop_back();
        }
        self.sufficient.push_back((now, enough));
        while self.sufficient.len() > 1
            && (self.sufficient[0].0 < now - delay || self.sufficient.len() > MAX_ENTRIES)
        {
            self.sufficient.pop_front();
        }
        (now - since >= delay).then(|| self.sufficient[0].1)
    }
}

/// Decides the desired number of workers, with its reason.
pub(super) fn apply_hysteresis(
    view: &View<'_>,
    demand: &Demand,
    low: &mut Window,
    now: f64,
) -> (u32, ScalingReason) {
    let input = view.input;
    let scaling = input.scaling;
    let (min, max) = (scaling.min_workers.min(scaling.max_workers), scaling.max_workers);
    let desired = input.desired;
    let present = desired.clamp(min, max);
    if desired > 0 && present != desired {
        low.clear();
        return (
            present,
            if present < desired { ScalingReason::AboveMaximum } else { ScalingReason::BelowMinimum },
        );
    }
    let (raise, reason) = match *demand {
        Demand::Unknown => {
            low.clear();
            let reason = if desired == 0 { ScalingReason::Starting } else { ScalingReason::NoPlan };
            return (present, reason);
        }
        Demand::NoTarget => (max, ScalingReason::NoTarget),
        Demand::Late => (max, ScalingReason::TargetPassed),
        Demand::NoFigures => (max, ScalingReason::NoFigures),
        Demand::Guess(number) => (number, ScalingReason::Guess),
        Demand::Figures { tight, right, .. } if tight > present || desired == 0 => {
            (right, ScalingReason::MoreNeeded)
        }
        Demand::Figures { .. } => (present, ScalingReason::OnCourse),
    };
    let open = view.backlog.map_or(u32::MAX, |backlog| backlog.open_shards);
    let capped = raise.min(open).clamp(min, max);
    if capped > present {
        low.clear();
        if input.unschedulable > 0 && desired > 0 {
            return (present, ScalingReason::NoRoom);
        }
        return (capped, reason);
    }
    let Demand::Figures { ample, .. } = *demand else {
        low.clear();
        return (
            present,
            if desired == 0 {
                ScalingReason::Starting
            } else if raise > present {
                ScalingReason::FewShards
            } else {
                reason
            },
        );
    };
    if raise > present {
        low.clear();
        return (present, ScalingReason::FewShards);
    }
    let delay = f64::from(scaling.scale_down_delay_seconds);
    let enough = ample.clamp(min, max);
    // In the tail the highest indexes may be the busy ones, and idle workers leave by themselves.
    if open <= TAIL_SHARDS.saturating_mul(present)
        || is_short(view, present)
        || f64::from(enough) > WORTHWHILE * f64::from(present)
    {
        low.clear();
        return (present, ScalingReason::OnCourse);
    }
    match low.update(now, enough, delay) {
        Some(most) => {
            low.clear();
            (most, ScalingReason::FewerNeeded)
        }
        None => (present, ScalingReason::WaitingToLower),
    }
}

/// Whether the current workers are done soon.
fn is_short(view: &View<'_>, present: u32) -> bool {
    let (Some(backlog), Some(pace), Some(target)) = (view.backlog, view.pace, target(view.input)) else {
        return false;
    };
    let delay = f64::from(view.input.scaling.scale_down_delay_seconds);
    backlog.audio_seconds * pace.real_time_factor / f64::from(present.max(1)) < (SHORT * target).max(delay)
}
