//! Decisions: pure functions of observations and a given `now`. Each says why, in words for events and logs.

pub mod finish;
pub mod restart;
pub mod scale;
pub mod stall;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use verbatim_crds::conditions::reasons;
use verbatim_crds::contract::messages::JobProgress;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

pub use finish::{Finish, Over};
pub use restart::Restart;
pub use stall::Stall;

use crate::observe::{Observation, Podless};

/// What is carried from look to look. It is lost when the operator restarts, and nothing breaks then.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The scaling's.
    pub scale: scale::Memory,
    /// The restarts'.
    pub restart: restart::Memory,
    /// The stall's.
    pub stall: stall::Memory,
    /// How far the job is, as last told.
    pub progress: Option<JobProgress>,
    /// Whether the namespace was seen ending: it never comes back.
    pub namespace_ends: bool,
}

/// What is to be done, and what is so.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Whether the job goes on.
    pub finish: Finish,
    /// What becomes of its Job.
    pub action: Action,
    /// Workers that are wanted.
    pub wanted: u32,
    /// What hinders the work.
    pub stall: Option<Stall>,
    /// How many workers, why, and when the job will be done; none while nothing runs.
    pub scale: Option<scale::Decision>,
    /// A worker to replace.
    pub restart: Option<Restart>,
}

impl Decision {
    /// The API server has refused the action, in these words: nothing of it was done, and that hinders the work.
    pub fn refused(&mut self, message: String) {
        self.action = Action::Nothing;
        self.restart = None;
        if !matches!(self.finish, Finish::Over(_)) {
            self.stall = Some(Stall { reason: reasons::REFUSED, message });
        }
    }
}

/// What becomes of the Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Action {
    /// It is as it should be.
    #[default]
    Nothing,
    /// It is made.
    Create {
        /// Its number.
        round: i32,
        /// Workers.
        workers: u32,
    },
    /// Its numbers change.
    Set {
        /// Its name.
        name: String,
        /// Indexes: those that are over too.
        completions: u32,
        /// Whether it waits.
        suspend: bool,
    },
}

/// When it is, on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// On the wall.
    pub wall: Timestamp,
    /// On the operator's monotonic clock, since it began.
    pub steady: Duration,
}

/// Decides about a job that is valid and not over.
pub fn decide(job: &TranscriptionJob, seen: &Observation, memory: &mut Memory, now: Now) -> Decision {
    let empty = TranscriptionJobStatus::default();
    let before = job.status.as_ref().unwrap_or(&empty);
    keep_progress(seen, memory);
    memory.namespace_ends |= seen.podless == Podless::NamespaceEnds;
    let finish = finish::finish(&job.spec, before, seen, memory.progress.as_ref(), now.wall);
    let mut decision = Decision { finish, ..Decision::default() };
    match &decision.finish {
        Finish::Over(_) => {
            decision.action = quiet(seen, &decision.finish);
            return decision;
        }
        _ if memory.namespace_ends => {
            decision.action = release(seen);
            return decision;
        }
        Finish::Retry { at, .. } if *at > now.wall => return decision,
        _ => {}
    }
    if job.spec.suspend {
        decision.action = match seen.round() {
            Some(round) if !round.suspended && round.ended.is_none() && !round.leaving => {
                Action::Set { name: round.name.clone(), completions: round.parallelism, suspend: true }
            }
            _ => Action::Nothing,
        };
        return decision;
    }
    let scale = scaled(job, before, seen, memory, now);
    decision.wanted = scale.workers;
    decision.action = match (&decision.finish, seen.round()) {
        (Finish::Retry { .. }, Some(round)) => {
            Action::Create { round: round.number + 1, workers: scale.workers }
        }
        (_, Some(round)) if round.leaving || round.ended.is_some() => Action::Nothing,
        (_, Some(round)) => {
            let completions = (scale.workers + round.over).min(MOST_INDEXES);
            let resumed = round.suspended && !round.queued;
            if completions != round.parallelism || resumed {
                Action::Set { name: round.name.clone(), completions, suspend: false }
            } else {
                Action::Nothing
            }
        }
        // Where the status knows of one, somebody deleted it.
        (_, None) => {
            Action::Create { round: before.round.map_or(0, |round| round + 1), workers: scale.workers }
        }
    };
    decision.stall = stall::stall(seen, memory.progress.as_ref(), &mut memory.stall, now.steady);
    decision.restart = restart::restart(seen, &mut memory.restart, now.steady);
    decision.scale = Some(scale);
    decision
}

/// Lets go the pods of a namespace that is being deleted. Of an index that failed, the Job controller keeps the last pod, by a
/// finalizer, until there is another one (backoffLimitPerIndex), and none can be made: the namespace would stay for ever.
/// A Job without indexes is complete, and its pods' finalizers go.
fn release(seen: &Observation) -> Action {
    match seen.round().filter(|round| round.ended.is_none() && !round.leaving && round.parallelism > 0) {
        Some(round) => Action::Set { name: round.name.clone(), completions: 0, suspend: false },
        None => Action::Nothing,
    }
}

/// Kubernetes takes no more indexes of a Job whose failures are counted by index.
const MOST_INDEXES: u32 = 100_000;

/// Keeps the farthest that was told: a worker may look at an older listing than the one before it.
fn keep_progress(seen: &Observation, memory: &mut Memory) {
    let told =
        seen.progress.iter().chain(seen.workers.iter().filter_map(|worker| worker.farewell()?.job.as_ref()));
    for progress in told {
        let farther = |known: &JobProgress| {
            (progress.phase as u8, progress.shards_done, progress.files - progress.remaining())
                >= (known.phase as u8, known.shards_done, known.files - known.remaining())
        };
        if memory.progress.as_ref().is_none_or(farther) {
            memory.progress = Some(progress.clone());
        }
    }
}

fn scaled(
    job: &TranscriptionJob,
    before: &TranscriptionJobStatus,
    seen: &Observation,
    memory: &mut Memory,
    now: Now,
) -> scale::Decision {
    let samples: Vec<scale::WorkerSample> = seen
        .samples
        .iter()
        .filter_map(|(uid, sample)| {
            let worker = seen.workers.iter().find(|worker| worker.uid == *uid)?;
            let crate::observe::WorkerState::Running { ready: Some(since) } = worker.state else {
                return None;
            };
            let up = Duration::try_from(now.wall.duration_since(since)).unwrap_or_default();
            Some(scale::WorkerSample {
                name: uid.clone(),
                audio_seconds: sample.as_ref().ok()?.audio_seconds,
                up,
            })
        })
        .collect();
    let elapsed = before.start_time.as_ref().map(|start| now.wall.duration_since(start.0));
    let round = seen.round().filter(|round| round.ended.is_none());
    let living = seen.workers.iter().filter(|worker| worker.lives());
    let settled = living.clone().all(|worker| worker.is_ready());
    scale::decide(
        &scale::Observation {
            now: now.steady,
            elapsed: elapsed.and_then(|elapsed| Duration::try_from(elapsed).ok()).unwrap_or_default(),
            desired: round.map_or(0, |round| round.parallelism.saturating_sub(round.over)),
            settled,
            workers: &samples,
            job: memory.progress.as_ref(),
            unschedulable: stall::unschedulable(seen).count() as u32,
            scaling: &job.spec.scaling,
            deadline: job.spec.active_deadline_seconds.map(|seconds| Duration::from_secs(seconds.into())),
        },
        &mut memory.scale,
    )
}

/// Stops what still runs of a job that is over: a failed one at once, a complete one when its workers had the time to leave
/// by themselves.
fn quiet(seen: &Observation, finish: &Finish) -> Action {
    let Some(round) =
        seen.round().filter(|round| round.ended.is_none() && !round.suspended && !round.leaving)
    else {
        return Action::Nothing;
    };
    match finish {
        Finish::Over(Over::Complete { idle: false, .. }) => Action::Nothing,
        _ => Action::Set { name: round.name.clone(), completions: round.parallelism, suspend: true },
    }
}
