//! From the workers that are needed to those that are asked for: quickly up, slowly down, within the user's bounds. Takes
//! the need and what was needed before.

use std::collections::VecDeque;

use super::need::{Need, View, target};
use super::why::Why;

/// Part of the present workers up to which it is worth to have fewer: a pod's start costs some of what is saved.
const WORTH: f64 = 0.85;
/// Open shards for each worker from which on it is the tail.
const TAIL_SHARDS: u32 = 2;
/// Part of the target below which the rest is too short to save anything: what is spare is the margin then.
const SHORT: f64 = 0.15;
/// Looks that are kept at most: a day of them every twenty seconds.
const LOOKS: usize = 4320;

/// What would have been enough, look by look, since there were always fewer enough than there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// When, in seconds, and how many. The numbers fall: one that is not above a later one is of no use.
    enough: VecDeque<(f64, u32)>,
    /// Since when there was no break.
    since: Option<f64>,
}

impl Window {
    fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes how many are enough now; gives the most of the last `delay` seconds once it was watched for so long.
    fn look(&mut self, now: f64, enough: u32, delay: f64) -> Option<u32> {
        let since = *self.since.get_or_insert(now);
        while self.enough.back().is_some_and(|(_, number)| *number <= enough) {
            self.enough.pop_back();
        }
        self.enough.push_back((now, enough));
        while self.enough.len() > 1 && (self.enough[0].0 < now - delay || self.enough.len() > LOOKS) {
            self.enough.pop_front();
        }
        (now - since >= delay).then(|| self.enough[0].1)
    }
}

/// Says how many workers to ask for, and why.
pub(super) fn settle(view: &View<'_>, need: &Need, low: &mut Window, now: f64) -> (u32, Why) {
    let observation = view.observation;
    let scaling = observation.scaling;
    let (min, max) = (scaling.min_workers.min(scaling.max_workers), scaling.max_workers);
    let desired = observation.desired;
    let present = desired.clamp(min, max);
    if desired > 0 && present != desired {
        low.clear();
        return (present, if present < desired { Why::AboveMaximum } else { Why::BelowMinimum });
    }
    let (raise, why) = match *need {
        Need::Unknown => {
            low.clear();
            let why = if desired == 0 { Why::Starting } else { Why::NoPlan };
            return (present, why);
        }
        Need::NoTarget => (max, Why::NoTarget),
        Need::Late => (max, Why::TargetPassed),
        Need::NoFigures => (max, Why::NoFigures),
        Need::Guess(number) => (number, Why::Guess),
        Need::Figures { tight, right, .. } if tight > present || desired == 0 => (right, Why::MoreNeeded),
        Need::Figures { .. } => (present, Why::OnCourse),
    };
    let open = view.work.map_or(u32::MAX, |work| work.open_shards);
    let capped = raise.min(open).clamp(min, max);
    if capped > present {
        low.clear();
        if observation.unschedulable > 0 && desired > 0 {
            return (present, Why::NoRoom);
        }
        return (capped, why);
    }
    let Need::Figures { ample, .. } = *need else {
        low.clear();
        return (
            present,
            if desired == 0 {
                Why::Starting
            } else if raise > present {
                Why::FewShards
            } else {
                why
            },
        );
    };
    if raise > present {
        low.clear();
        return (present, Why::FewShards);
    }
    let delay = f64::from(scaling.scale_down_delay_seconds);
    let enough = ample.clamp(min, max);
    // In the tail the highest indexes may be the busy ones, and who is idle leaves by itself.
    if open <= TAIL_SHARDS.saturating_mul(present)
        || is_short(view, present)
        || f64::from(enough) > WORTH * f64::from(present)
    {
        low.clear();
        return (present, Why::OnCourse);
    }
    match low.look(now, enough, delay) {
        Some(most) => {
            low.clear();
            (most, Why::FewerNeeded)
        }
        None => (present, Why::WaitingToLower),
    }
}

/// Whether the present workers are done soon.
fn is_short(view: &View<'_>, present: u32) -> bool {
    let (Some(work), Some(pace), Some(target)) = (view.work, view.pace, target(view.observation)) else {
        return false;
    };
    let delay = f64::from(view.observation.scaling.scale_down_delay_seconds);
    work.audio_seconds * pace.real_time_factor / f64::from(present.max(1)) < (SHORT * target).max(delay)
}
