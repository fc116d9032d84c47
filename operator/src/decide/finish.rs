//! The end of a job, and the next round after a Job that ended with work left.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use verbatim_crds::conditions::{reasons, types};
use verbatim_crds::contract::exit;
use verbatim_crds::contract::messages::{Cause, JobProgress, LedgerPhase, TerminationMessage};
use verbatim_crds::{TranscriptionJobSpec, TranscriptionJobStatus};
use verbatim_text::{count, files};

use crate::observe::observation::Observation;
use crate::observe::pods::WorkerState;
use crate::observe::rounds::Round;

/// Consecutive Jobs that may end with work left before the TranscriptionJob fails. The delays between them
/// add up to 310 s, which outlasts the restart of a store, and is short enough for a person to learn of a
/// mistake.
pub const MAX_ROUNDS: usize = 6;
/// First delay between two Jobs; each further one is twice as long.
pub const FIRST_DELAY: Duration = Duration::from_secs(10);
/// Delay after a Job that did not fail, while no worker has reported the job's completion. Jobs and pods have
/// separate watches: the last pod's termination message may arrive a moment after the end of its Job.
pub const MESSAGE_DELAY: Duration = Duration::from_secs(5);
/// Time for workers to leave by themselves after the job is complete: they read the ledger once and end the
/// engine.
pub const LEAVE: Duration = Duration::from_secs(60);

/// Whether a job continues.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Outcome {
    /// The job continues.
    #[default]
    Continue,
    /// The Job ended with work left, and another one follows.
    Retry {
        /// Time of the next Job.
        at: Timestamp,
        /// Reason of the condition.
        reason: &'static str,
        /// Message of the condition.
        message: String,
    },
    /// The job has ended.
    Ended(Ended),
}

/// End of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Every recording has its outcome.
    Complete {
        /// Message of the condition, with the counts.
        message: String,
        /// Whether the workers' time to exit by themselves ([`LEAVE`]) is over: then they are stopped.
        grace_over: bool,
    },
    /// The job will not be finished.
    Failed {
        /// Reason of the condition.
        reason: &'static str,
        /// Message of the condition.
        message: String,
    },
}

/// Decides whether a job has ended. An end is final.
pub fn finish(
    spec: &TranscriptionJobSpec,
    before: &TranscriptionJobStatus,
    seen: &Observation,
    progress: Option<&JobProgress>,
    now: Timestamp,
) -> Outcome {
    if let Some(end) = from_status(before, now) {
        return Outcome::Ended(end);
    }
    if let Some(end) = by_outcomes(spec, progress) {
        return Outcome::Ended(end);
    }
    if let Some(message) = past_deadline(spec, before, now) {
        return Outcome::Ended(Ended::Failed { reason: reasons::DEADLINE_EXCEEDED, message });
    }
    match seen.round() {
        Some(round) if round.ended.is_some() && !round.deleting => after_round(seen, round, now),
        _ => Outcome::Continue,
    }
}

/// End that an earlier reconcile wrote to the status.
fn from_status(before: &TranscriptionJobStatus, now: Timestamp) -> Option<Ended> {
    let holds = |kind| before.conditions.iter().find(|one| one.type_ == kind && one.status == "True");
    if let Some(failed) = holds(types::FAILED) {
        let reason = reasons::ALL.into_iter().find(|reason| *reason == failed.reason);
        return Some(Ended::Failed {
            reason: reason.unwrap_or(reasons::WORKERS_FAILED),
            message: failed.message.clone(),
        });
    }
    let complete = holds(types::COMPLETE)?;
    let since = before.completion_time.as_ref().map(|time| now.duration_since(time.0));
    let grace_over =
        since.is_some_and(|since| since >= SignedDuration::try_from(LEAVE).unwrap_or(SignedDuration::MAX));
    Some(Ended::Complete { message: complete.message.clone(), grace_over })
}

fn by_outcomes(spec: &TranscriptionJobSpec, progress: Option<&JobProgress>) -> Option<Ended> {
    let progress = progress.filter(|progress| progress.phase != LedgerPhase::Unplanned)?;
    let allowed = spec.failure_policy.max_failed_files.of(progress.files);
    if progress.failed > allowed {
        let reasons: Vec<String> =
            progress.failures_by_reason.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
        return Some(Ended::Failed {
            reason: reasons::TOO_MANY_FAILED_FILES,
            message: format!(
                "{} of {} files failed, more than the {allowed} that failurePolicy.maxFailedFiles allows{reasons}",
                progress.failed, progress.files
            ),
        });
    }
    (progress.phase == LedgerPhase::Complete).then(|| Ended::Complete {
        message: format!(
            "{}: {} transcribed, {} skipped, {} failed",
            files(progress.files),
            progress.succeeded,
            progress.skipped,
            progress.failed
        ),
        grace_over: false,
    })
}

fn past_deadline(
    spec: &TranscriptionJobSpec,
    before: &TranscriptionJobStatus,
    now: Timestamp,
) -> Option<String> {
    let seconds = i64::from(spec.active_deadline_seconds?);
    let started = before.start_time.as_ref().filter(|_| !spec.suspend)?;
    (now.duration_since(started.0).as_secs() >= seconds)
        .then(|| format!("activeDeadlineSeconds ({seconds} s) passed before the job was done"))
}

/// Next step after a Job that ended while no worker has reported the job's completion.
fn after_round(seen: &Observation, round: &Round, now: Timestamp) -> Outcome {
    let Some(ended) = &round.ended else { return Outcome::Continue };
    let culprit = culprit(seen, round);
    let cause = culprit.and_then(|message| message.cause);
    let explanation = culprit.and_then(|message| message.message.clone());
    let (reason, permanent) = match cause {
        Some(Cause::ConditionalWritesUnsupported) => (reasons::CONDITIONAL_WRITES_UNSUPPORTED, true),
        Some(Cause::InvalidSpec) => (reasons::INVALID_SPEC, true),
        Some(Cause::StorageUnavailable) => (reasons::STORAGE_UNAVAILABLE, false),
        Some(Cause::ModelUnavailable) => (reasons::MODEL_UNAVAILABLE, false),
        Some(Cause::Internal) | None => (reasons::WORKERS_FAILED, false),
    };
    let message = explanation.unwrap_or_else(|| {
        if ended.failed {
            format!("the Job {} failed: {}{}", round.name, ended.message, exits(seen, round))
        } else {
            format!("the Job {} ended, and no worker reported that everything is done", round.name)
        }
    });
    let streak = seen.rounds.iter().rev().take_while(|round| round.ended.is_some()).count();
    if permanent || streak >= MAX_ROUNDS {
        let message = if permanent { message } else { format!("{streak} consecutive Jobs: {message}") };
        return Outcome::Ended(Ended::Failed { reason, message });
    }
    let at = ended.at + delay(streak, ended.failed);
    if !ended.failed && streak <= 1 && now < at {
        return Outcome::Continue;
    }
    Outcome::Retry { at, reason, message }
}

/// Delay after this many consecutive Jobs. After one that did not fail, a worker only has to read the ledger
/// again.
fn delay(streak: usize, failed: bool) -> SignedDuration {
    let doublings = streak.saturating_sub(1).min(MAX_ROUNDS);
    let delay =
        if !failed && streak <= 1 { MESSAGE_DELAY } else { FIRST_DELAY.saturating_mul(1 << doublings) };
    SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX)
}

/// Termination message of the worker that ended the Job: of the one with an invalid configuration, else of
/// one with a cause.
fn culprit<'a>(seen: &'a Observation, round: &Round) -> Option<&'a TerminationMessage> {
    let with_cause = || seen.termination_messages(round.number).filter(|message| message.cause.is_some());
    with_cause().find(|message| message.exit == exit::CONFIGURATION).or_else(|| with_cause().next())
}

/// Exit codes of a Job's pods, for the message.
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
    let parts: Vec<String> =
        counts.into_iter().map(|(how, pods)| format!("{}: {how}", count(pods, "pod", "pods"))).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

#[cfg(test)]
#[path = "finish_tests.rs"]
mod tests;
