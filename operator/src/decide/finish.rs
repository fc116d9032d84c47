//! Whether a job is over, and how; and what follows a Job that ended with work left.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use verbatim_crds::conditions::{reasons, types};
use verbatim_crds::contract::exit;
use verbatim_crds::contract::messages::{Cause, Farewell, JobProgress, LedgerPhase};
use verbatim_crds::{TranscriptionJobSpec, TranscriptionJobStatus};

use crate::observe::{Observation, Round, WorkerState};
use crate::words::several;

/// Jobs in a row that may end with work left before the job fails. With the pauses between them, 310 s, a store's restart is
/// over by then, and a person who made a mistake wants to hear of it.
pub const MOST_ROUNDS: usize = 6;
/// The first pause between two Jobs; each is twice the one before.
pub const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The pause after a Job that did not fail, and of which no worker has said that everything is done. Jobs and pods are watched
/// one beside the other: the last pod's words may come a moment after its Job's end.
pub const HEAR: Duration = Duration::from_secs(5);
/// Time for workers to leave by themselves after the job is complete: one look at the ledger and the engine's end.
pub const LEAVE: Duration = Duration::from_secs(60);

/// Whether a job goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Finish {
    /// It goes on.
    #[default]
    GoOn,
    /// Its Job ended with work left: another one follows.
    Retry {
        /// When.
        at: Timestamp,
        /// Why, as a condition's reason.
        reason: &'static str,
        /// Why, in words.
        message: String,
    },
    /// It is over.
    Over(Over),
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    /// Every recording has its outcome.
    Complete {
        /// Its sums.
        message: String,
        /// Whether its workers had the time to leave.
        idle: bool,
    },
    /// It will not be finished.
    Failed {
        /// Why, as a condition's reason.
        reason: &'static str,
        /// Why, in words.
        message: String,
    },
}

/// Decides about the end of a job. What is over stays over.
pub fn finish(
    spec: &TranscriptionJobSpec,
    before: &TranscriptionJobStatus,
    seen: &Observation,
    progress: Option<&JobProgress>,
    now: Timestamp,
) -> Finish {
    if let Some(over) = already(before, now) {
        return Finish::Over(over);
    }
    if let Some(over) = by_outcomes(spec, progress) {
        return Finish::Over(over);
    }
    if let Some(message) = too_late(spec, before, now) {
        return Finish::Over(Over::Failed { reason: reasons::DEADLINE_EXCEEDED, message });
    }
    match seen.round() {
        Some(round) if round.ended.is_some() && !round.leaving => after_round(seen, round, now),
        _ => Finish::GoOn,
    }
}

/// What an earlier look decided.
fn already(before: &TranscriptionJobStatus, now: Timestamp) -> Option<Over> {
    let holds = |kind| before.conditions.iter().find(|one| one.type_ == kind && one.status == "True");
    if let Some(failed) = holds(types::FAILED) {
        let reason = reasons::ALL.into_iter().find(|reason| *reason == failed.reason);
        return Some(Over::Failed {
            reason: reason.unwrap_or(reasons::WORKERS_FAILED),
            message: failed.message.clone(),
        });
    }
    let complete = holds(types::COMPLETE)?;
    let since = before.completion_time.as_ref().map(|time| now.duration_since(time.0));
    let idle =
        since.is_some_and(|since| since >= SignedDuration::try_from(LEAVE).unwrap_or(SignedDuration::MAX));
    Some(Over::Complete { message: complete.message.clone(), idle })
}

fn by_outcomes(spec: &TranscriptionJobSpec, progress: Option<&JobProgress>) -> Option<Over> {
    let progress = progress.filter(|progress| progress.phase != LedgerPhase::Unplanned)?;
    let allowed = spec.failure_policy.max_failed_files.of(progress.files);
    if progress.failed > allowed {
        let reasons: Vec<String> =
            progress.failures_by_reason.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
        return Some(Over::Failed {
            reason: reasons::TOO_MANY_FAILED_FILES,
            message: format!(
                "{} of {} files failed, more than the {allowed} that failurePolicy.maxFailedFiles allows{reasons}",
                progress.failed, progress.files
            ),
        });
    }
    (progress.phase == LedgerPhase::Complete).then(|| Over::Complete {
        message: format!(
            "{}: {} transcribed, {} skipped, {} failed",
            several(progress.files, "file"),
            progress.succeeded,
            progress.skipped,
            progress.failed
        ),
        idle: false,
    })
}

fn too_late(spec: &TranscriptionJobSpec, before: &TranscriptionJobStatus, now: Timestamp) -> Option<String> {
    let seconds = i64::from(spec.active_deadline_seconds?);
    let started = before.start_time.as_ref().filter(|_| !spec.suspend)?;
    (now.duration_since(started.0).as_secs() >= seconds)
        .then(|| format!("activeDeadlineSeconds ({seconds} s) went by before the job was done"))
}

/// A Job ended, and no worker has said that everything is done.
fn after_round(seen: &Observation, round: &Round, now: Timestamp) -> Finish {
    let Some(ended) = &round.ended else { return Finish::GoOn };
    let culprit = culprit(seen, round);
    let cause = culprit.and_then(|farewell| farewell.cause);
    let words = culprit.and_then(|farewell| farewell.message.clone());
    let (reason, hopeless) = match cause {
        Some(Cause::ConditionalWritesUnsupported) => (reasons::CONDITIONAL_WRITES_UNSUPPORTED, true),
        Some(Cause::InvalidSpec) => (reasons::INVALID_SPEC, true),
        Some(Cause::StorageUnavailable) => (reasons::STORAGE_UNAVAILABLE, false),
        Some(Cause::ModelUnavailable) => (reasons::MODEL_UNAVAILABLE, false),
        Some(Cause::Internal) | None => (reasons::WORKERS_FAILED, false),
    };
    let message = words.unwrap_or_else(|| {
        if ended.failed {
            format!("the Job {} failed: {}{}", round.name, ended.message, exits(seen, round))
        } else {
            format!("the Job {} ended, and no worker said that everything is done", round.name)
        }
    });
    let streak = seen.rounds.iter().rev().take_while(|round| round.ended.is_some()).count();
    if hopeless || streak >= MOST_ROUNDS {
        let message = if hopeless { message } else { format!("{streak} Jobs in a row: {message}") };
        return Finish::Over(Over::Failed { reason, message });
    }
    let at = ended.at + pause(streak, ended.failed);
    if !ended.failed && streak <= 1 && now < at {
        return Finish::GoOn;
    }
    Finish::Retry { at, reason, message }
}

/// The pause after so many Jobs in a row. After one that did not fail somebody only has to look once more.
fn pause(streak: usize, failed: bool) -> SignedDuration {
    let doublings = streak.saturating_sub(1).min(MOST_ROUNDS);
    let pause = if !failed && streak <= 1 { HEAR } else { FIRST_PAUSE.saturating_mul(1 << doublings) };
    SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX)
}

/// What the worker said whose end ended the Job: the one with the wrong configuration, else one with a cause.
fn culprit<'a>(seen: &'a Observation, round: &Round) -> Option<&'a Farewell> {
    let said = |farewell: &&Farewell| farewell.cause.is_some();
    let wrong =
        seen.farewells(round.number).filter(said).find(|farewell| farewell.exit == exit::CONFIGURATION);
    wrong.or_else(|| seen.farewells(round.number).find(said))
}

/// How the pods of a Job ended, in words.
fn exits(seen: &Observation, round: &Round) -> String {
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for worker in seen.workers.iter().filter(|worker| worker.round == round.number) {
        if let WorkerState::Ended { exit: Some(code), reason, .. } = &worker.state
            && *code != 0
        {
            let reason = reason.as_deref().filter(|reason| *reason != "Error");
            *counts
                .entry(reason.map_or(format!("exit {code}"), |reason| format!("exit {code}, {reason}")))
                .or_default() += 1;
        }
    }
    let words: Vec<String> =
        counts.into_iter().map(|(how, count)| format!("{}: {how}", several(count, "pod"))).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join("; ")) }
}

#[cfg(test)]
#[path = "finish_tests.rs"]
mod tests;
