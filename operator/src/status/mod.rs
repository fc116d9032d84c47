//! The status: what was seen and decided, as numbers and conditions. Pure.

pub mod conditions;
pub mod recycles;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use verbatim_crds::conditions::Phase;
use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};
use verbatim_crds::status::{AudioSeconds, FileCounts, MAX_FAILURES, RecycleCounts, WorkerCounts};
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::decide::{Action, Decision, Finish, Over};
use crate::observe::Observation;

/// A figure is written again when it changed by this share: smaller steps are noise, and each is a write.
const NOISE: f64 = 0.05;

/// The job's status after a look.
pub struct View<'a> {
    /// The job, with its status before.
    pub job: &'a TranscriptionJob,
    /// Why the job cannot be done as it is written.
    pub invalid: Option<String>,
    /// What was seen.
    pub seen: &'a Observation,
    /// What was decided.
    pub decision: &'a Decision,
    /// How far the job is, as last told.
    pub progress: Option<&'a JobProgress>,
    /// Engines replaced so far.
    pub recycles: RecycleCounts,
    /// Whether a worker was replaced just now.
    pub restarted: bool,
    /// When it is.
    pub now: Timestamp,
}

impl View<'_> {
    /// The status before.
    pub fn before(&self) -> TranscriptionJobStatus {
        self.job.status.clone().unwrap_or_default()
    }

    /// Whether the job is over.
    pub fn over(&self) -> Option<&Over> {
        match &self.decision.finish {
            Finish::Over(over) => Some(over),
            _ => None,
        }
    }
}

/// The status, whole.
pub fn status(view: &View<'_>) -> TranscriptionJobStatus {
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
    if let Some(progress) = view.progress.filter(|progress| progress.phase != LedgerPhase::Unplanned) {
        counts(&mut after, &before, progress);
    }
    after.recycles = Some(view.recycles);
    let desired = match view.over() {
        Some(_) => 0,
        None => i32::try_from(view.decision.wanted).unwrap_or(i32::MAX),
    };
    let ready = i32::try_from(view.seen.ready()).unwrap_or(i32::MAX);
    after.workers = Some(WorkerCounts { desired, ready });
    match view.over() {
        Some(_) => {
            after.completion_time.get_or_insert(Time(view.now));
            after.estimated_completion_time = None;
            after.speed_up = None;
        }
        None => figures(view, &mut after, &before),
    }
    after
}

fn phase(view: &View<'_>) -> Phase {
    match view.over() {
        Some(Over::Complete { .. }) => return Phase::Complete,
        Some(Over::Failed { .. }) => return Phase::Failed,
        None => {}
    }
    let before = view.before();
    let planned = before.files.is_some()
        || view.progress.is_some_and(|progress| progress.phase != LedgerPhase::Unplanned);
    match () {
        () if view.job.spec.suspend => Phase::Suspended,
        () if view.invalid.is_some() => Phase::Pending,
        () if planned => Phase::Running,
        () if view.seen.ready() > 0 => Phase::Planning,
        () => Phase::Pending,
    }
}

/// When the first workers were asked for, or those after the last pause.
fn started(view: &View<'_>, before: &TranscriptionJobStatus) -> Option<Time> {
    let runs = !view.seen.rounds.is_empty() || matches!(view.decision.action, Action::Create { .. });
    let resumed = before.phase == Some(Phase::Suspended) && !view.job.spec.suspend;
    match &before.start_time {
        Some(_) if resumed && view.over().is_none() => Some(Time(view.now)),
        Some(start) => Some(start.clone()),
        None => (runs && view.invalid.is_none()).then_some(Time(view.now)),
    }
}

fn round(view: &View<'_>, before: &TranscriptionJobStatus) -> Option<i32> {
    let made = match view.decision.action {
        Action::Create { round, .. } => Some(round),
        _ => None,
    };
    made.or(view.seen.round().map(|round| round.number)).max(before.round)
}

/// Counts never go back: a worker may look at an older listing than the one before it.
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
        // A worker tells of a few; those that were told before stay.
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

fn figures(view: &View<'_>, after: &mut TranscriptionJobStatus, before: &TranscriptionJobStatus) {
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
        // Saturates, as casts of floats do.
        audio.remaining = remaining.max(0.0).round() as i64;
    }
    after.estimated_completion_time = scale.eta.and_then(|eta| {
        let at = view.now.checked_add(SignedDuration::try_from(eta).ok()?).ok()?;
        let known = before.estimated_completion_time.as_ref().map(|time| time.0);
        let moved = |known: Timestamp| at.duration_since(known).abs();
        let tolerance =
            SignedDuration::try_from(eta.mul_f64(NOISE)).unwrap_or_default() + SignedDuration::from_secs(5);
        // Whole seconds: nobody reads the rest.
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
