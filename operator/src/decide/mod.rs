//! Decisions: pure functions of observations and a given `now`. Each carries its reason, as a sentence for
//! events and logs.

pub mod finish;
pub mod restart;
pub mod scale;
pub mod stall;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use verbatim_crds::contract::messages::JobProgress;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

pub use finish::{Ended, Outcome};
pub use restart::{Restart, RestartLimits};
pub use scale::{ScalingDecision, ScalingState, WorkerSample};
pub use stall::Stall;

use crate::observe::observation::{NoPods, Observation};
use crate::observe::pods::WorkerState;

/// Kubernetes' limit for the indexes of a Job whose failures are counted by index.
const MAX_INDEXES: u32 = 100_000;

/// State between reconciles. It is lost when the operator restarts, which is harmless.
#[derive(Clone, Debug, Default)]
pub struct DecisionState {
    /// State of the scaling.
    pub scale: ScalingState,
    /// State of the restarts.
    pub restart: restart::RestartState,
    /// State of the stall detection.
    pub stall: stall::StallState,
    /// Latest progress of the job.
    pub progress: Option<JobProgress>,
    /// Whether the namespace was seen terminating, which is final.
    pub namespace_terminates: bool,
}

/// Actions to take, and findings for the status.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Whether the job continues.
    pub outcome: Outcome,
    /// Action on the Job.
    pub action: Action,
    /// Desired workers.
    pub wanted: u32,
    /// Obstacle to the work.
    pub stall: Option<Stall>,
    /// Scaling decision; `None` while nothing runs.
    pub scale: Option<ScalingDecision>,
    /// Worker to replace.
    pub restart: Option<Restart>,
}

impl Decision {
    /// Cancels the actions, since something prevents them, and reports it as a stall unless the job has
    /// ended.
    pub fn cancel(&mut self, reason: &'static str, message: String) {
        self.action = Action::Nothing;
        self.restart = None;
        if !matches!(self.outcome, Outcome::Ended(_)) {
            self.stall = Some(Stall { reason, message });
        }
    }
}

/// Action on the Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Action {
    /// No change.
    #[default]
    Nothing,
    /// Create the Job of a round.
    Create {
        /// Number of the round.
        round: i32,
        /// Workers.
        workers: u32,
    },
    /// Change the Job's numbers.
    Set {
        /// Name of the Job.
        name: String,
        /// Indexes, including finished ones.
        completions: u32,
        /// Whether the Job is suspended.
        suspend: bool,
    },
}

/// The current time on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Wall clock.
    pub wall: Timestamp,
    /// The operator's monotonic clock, since its start.
    pub monotonic: Duration,
}

/// Decides about a job.
pub fn decide(
    job: &TranscriptionJob,
    seen: &Observation,
    state: &mut DecisionState,
    limits: &RestartLimits,
    now: Now,
) -> Decision {
    let empty = TranscriptionJobStatus::default();
    let before = job.status.as_ref().unwrap_or(&empty);
    keep_progress(seen, state);
    state.namespace_terminates |= seen.no_pods == NoPods::NamespaceTerminating;
    let outcome = finish::finish(&job.spec, before, seen, state.progress.as_ref(), now.wall);
    let mut decision = Decision { outcome, ..Decision::default() };
    match &decision.outcome {
        Outcome::Ended(end) => {
            decision.action = stop_workers(seen, end);
            return decision;
        }
        _ if state.namespace_terminates => {
            decision.action = release_pods(seen);
            return decision;
        }
        Outcome::Retry { at, .. } if *at > now.wall => return decision,
        _ => {}
    }
    if job.spec.suspend {
        decision.action = match seen.round() {
            Some(round) if !round.suspended && round.ended.is_none() && !round.deleting => {
                Action::Set { name: round.name.clone(), completions: round.parallelism, suspend: true }
            }
            _ => Action::Nothing,
        };
        return decision;
    }
    let scale = scaling(job, before, seen, state, now);
    decision.wanted = scale.workers;
    decision.action = match (&decision.outcome, seen.round()) {
        (Outcome::Retry { .. }, Some(round)) => {
            Action::Create { round: round.number + 1, workers: scale.workers }
        }
        (_, Some(round)) if round.deleting || round.ended.is_some() => Action::Nothing,
        (_, Some(round)) => {
            let completions = (scale.workers + round.finished).min(MAX_INDEXES);
            let resumed = round.suspended && !round.queued;
            if completions != round.parallelism || resumed {
                Action::Set { name: round.name.clone(), completions, suspend: false }
            } else {
                Action::Nothing
            }
        }
        // If the status knows a round, somebody deleted its Job.
        (_, None) => {
            Action::Create { round: before.round.map_or(0, |round| round + 1), workers: scale.workers }
        }
    };
    decision.stall = stall::stall(seen, state.progress.as_ref(), &mut state.stall, now.monotonic);
    decision.restart = restart::restart(seen, &mut state.restart, limits, now.monotonic);
    decision.scale = Some(scale);
    decision
}

/// Releases the pods of a namespace that is being deleted. For a failed index the Job controller keeps the
/// last pod by a finalizer until there is a new one (backoffLimitPerIndex), but none can be created, so that
/// the namespace would stay forever. A Job without indexes is complete, and the finalizers of its pods are
/// removed.
fn release_pods(seen: &Observation) -> Action {
    match seen.round().filter(|round| round.ended.is_none() && !round.deleting && round.parallelism > 0) {
        Some(round) => Action::Set { name: round.name.clone(), completions: 0, suspend: false },
        None => Action::Nothing,
    }
}

/// Keeps the furthest progress: a worker may report an older listing than the one before it.
fn keep_progress(seen: &Observation, state: &mut DecisionState) {
    let messages = seen.workers.iter().filter_map(|worker| worker.termination_message()?.job.as_ref());
    for progress in seen.progress.iter().chain(messages) {
        let further = |known: &JobProgress| {
            (progress.phase as u8, progress.shards_done, progress.files - progress.remaining())
                >= (known.phase as u8, known.shards_done, known.files - known.remaining())
        };
        if state.progress.as_ref().is_none_or(further) {
            state.progress = Some(progress.clone());
        }
    }
}

fn scaling(
    job: &TranscriptionJob,
    before: &TranscriptionJobStatus,
    seen: &Observation,
    state: &mut DecisionState,
    now: Now,
) -> ScalingDecision {
    let samples: Vec<WorkerSample> = seen
        .samples
        .iter()
        .filter_map(|(uid, sample)| {
            let worker = seen.workers.iter().find(|worker| worker.uid == *uid)?;
            let WorkerState::Running { ready: Some(since) } = worker.state else { return None };
            let up = Duration::try_from(now.wall.duration_since(since)).unwrap_or_default();
            Some(WorkerSample { name: uid.clone(), audio_seconds: sample.as_ref().ok()?.audio_seconds, up })
        })
        .collect();
    let elapsed = before.start_time.as_ref().map(|start| now.wall.duration_since(start.0));
    let round = seen.round().filter(|round| round.ended.is_none());
    let settled = seen.workers.iter().filter(|worker| worker.is_alive()).all(|worker| worker.is_ready());
    let input = scale::ScalingInput {
        now: now.monotonic,
        elapsed: elapsed.and_then(|elapsed| Duration::try_from(elapsed).ok()).unwrap_or_default(),
        desired: round.map_or(0, |round| round.parallelism.saturating_sub(round.finished)),
        settled,
        workers: &samples,
        job: state.progress.as_ref(),
        unschedulable: stall::unschedulable(seen).count() as u32,
        scaling: &job.spec.scaling,
        deadline: job.spec.active_deadline_seconds.map(|seconds| Duration::from_secs(seconds.into())),
    };
    scale::decide(&input, &mut state.scale)
}

/// Stops the remaining workers of an ended job: of a failed one at once, of a complete one after they had
/// time to leave by themselves.
fn stop_workers(seen: &Observation, end: &Ended) -> Action {
    let Some(round) =
        seen.round().filter(|round| round.ended.is_none() && !round.suspended && !round.deleting)
    else {
        return Action::Nothing;
    };
    match end {
        Ended::Complete { grace_over: false, .. } => Action::Nothing,
        _ => Action::Set { name: round.name.clone(), completions: round.parallelism, suspend: true },
    }
}
