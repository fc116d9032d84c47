//! Status of a job, computed from observation and decision. Pure.

pub mod conditions;
pub mod recycles;
mod view;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use verbatim_crds::TranscriptionJobStatus;
use verbatim_crds::conditions::Phase;
use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};
use verbatim_crds::status::{AudioSeconds, FileCounts, MAX_FAILURES, WorkerCounts};

pub use view::StatusInput;

use crate::decide::{Action, Ended};

/// Relative change above which a figure is written again: smaller changes are noise, and each costs a write.
const NOISE: f64 = 0.05;

/// The whole status.
pub fn status(view: &StatusInput<'_>) -> TranscriptionJobStatus {
    let before = view.before();
    let mut after = TranscriptionJobStatus {
        observed_generation: view.job.metadata.generation,
        conditions: conditions::conditions(view),
        phase: Some(phase(view)),
        start_time: started(view, &before),
        completion_time: before.completion_time.clone(),
        round: round(view, &before),
        restarts: Some(before.restarts.unwrap_or_default() + i64::from(view.restarted)),
        ..before.clone()
    };
    if let Some(progress) = view.planned_progress() {
        counts(&mut after, &before, progress);
    }
    after.recycles = Some(view.recycles);
    let desired = match view.end() {
        Some(_) => 0,
        None => i32::try_from(view.decision.wanted).unwrap_or(i32::MAX),
    };
    let ready = i32::try_from(view.seen.ready()).unwrap_or(i32::MAX);
    after.workers = Some(WorkerCounts { desired, ready });
    match view.end() {
        Some(_) => {
            after.completion_time.get_or_insert(Time(view.now));
            after.estimated_completion_time = None;
            after.speed_up = None;
        }
        None => figures(view, &mut after, &before),
    }
    after
}

fn phase(view: &StatusInput<'_>) -> Phase {
    match view.end() {
        Some(Ended::Complete { .. }) => return Phase::Complete,
        Some(Ended::Failed { .. }) => return Phase::Failed,
        None => {}
    }
    let before = view.before();
    let planned = before.files.is_some() || view.planned_progress().is_some();
    match () {
        () if view.job.spec.suspend => Phase::Suspended,
        () if view.invalid.is_some() => Phase::Pending,
        () if planned => Phase::Running,
        () if view.seen.ready() > 0 => Phase::Planning,
        () => Phase::Pending,
    }
}

/// Time when workers were first requested, or requested again after the last suspension.
fn started(view: &StatusInput<'_>, before: &TranscriptionJobStatus) -> Option<Time> {
    let runs = !view.seen.rounds.is_empty() || matches!(view.decision.action, Action::Create { .. });
    let resumed = before.phase == Some(Phase::Suspended) && !view.job.spec.suspend;
    match &before.start_time {
        Some(_) if resumed && view.end().is_none() => Some(Time(view.now)),
        Some(start) => Some(start.clone()),
        None => (runs && view.invalid.is_none()).then_some(Time(view.now)),
    }
}

fn round(view: &StatusInput<'_>, before: &TranscriptionJobStatus) -> Option<i32> {
    let made = match view.decision.action {
        Action::Create { round, .. } => Some(round),
        _ => None,
    };
    made.or(view.seen.round().map(|round| round.number)).max(before.round)
}

/// Counts never decrease: a worker may report an older listing than the one before it.
fn counts(after: &mut TranscriptionJobStatus, before: &TranscriptionJobStatus, progress: &JobProgress) {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let files = FileCounts {
        total: number(progress.files),
        succeeded: number(progress.succeeded),
        failed: number(progress.failed),
        skipped: number(progress.skipped),
        remaining: number(progress.remaining()),
    };
    let complete = progress.phase == LedgerPhase::Complete;
    if !complete && before.files.is_some_and(|known| known.remaining < files.remaining) {
        return;
    }
    after.files = Some(files);
    after.progress = Some(format!("{}/{}", files.total - files.remaining, files.total));
    let remaining = before.audio_seconds.map_or(0, |audio| audio.remaining);
    after.audio_seconds = Some(AudioSeconds {
        done: number(progress.audio_milliseconds / 1000),
        remaining: if complete { 0 } else { remaining },
    });
    if !progress.failures.is_empty() {
        // A worker reports a few failures; those reported before stay.
        let mut failures = before.failures.clone();
        for failure in &progress.failures {
            if !failures.iter().any(|known| known.key == failure.key) {
                failures.push(failure.clone());
            }
        }
        let surplus = failures.len().saturating_sub(MAX_FAILURES);
        after.failures = failures.split_off(surplus);
    }
    after.report_ref = progress.report.clone().or_else(|| before.report_ref.clone());
}

fn figures(view: &StatusInput<'_>, after: &mut TranscriptionJobStatus, before: &TranscriptionJobStatus) {
    let Some(scale) = &view.decision.scale else {
        after.estimated_completion_time = None;
        after.speed_up = None;
        return;
    };
    if let Some(factor) = scale.real_time_factor.filter(|factor| factor.is_finite()) {
        let known = before.real_time_factor.as_deref().and_then(|text| text.parse().ok());
        if !near(known, factor) {
            after.real_time_factor = Some(significant(factor));
        }
    }
    after.speed_up = scale.speed_up.filter(|speed| speed.is_finite()).map(|speed| {
        let known = before.speed_up.as_deref().and_then(|text| text.trim_end_matches('x').parse().ok());
        if near(known, speed) {
            before.speed_up.clone().unwrap_or_default()
        } else {
            format!("{}x", significant(speed))
        }
    });
    if let (Some(audio), Some(remaining)) = (&mut after.audio_seconds, scale.remaining_audio_seconds)
        && !near(Some(audio.remaining as f64), remaining)
    {
        // Casts of floats saturate.
        audio.remaining = remaining.max(0.0).round() as i64;
    }
    after.estimated_completion_time = scale.eta.and_then(|eta| {
        let at = view.now.checked_add(SignedDuration::try_from(eta).ok()?).ok()?;
        let known = before.estimated_completion_time.as_ref().map(|time| time.0);
        let moved = |known: Timestamp| at.duration_since(known).abs();
        let tolerance =
            SignedDuration::try_from(eta.mul_f64(NOISE)).unwrap_or_default() + SignedDuration::from_secs(5);
        // Whole seconds: fractions are noise.
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        Some(Time(known.filter(|known| moved(*known) <= tolerance).unwrap_or(whole)))
    });
}

fn near(known: Option<f64>, now: f64) -> bool {
    known.is_some_and(|known: f64| (known - now).abs() <= NOISE * now.abs())
}

/// Three significant digits, without an exponent.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 8);
    format!("{value:.*}", digits as usize)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
