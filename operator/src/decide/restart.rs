//! Restarts, second stage: replaces a worker whose supervisor could not recover.
//!
//! The first stage is in the worker: its supervisor replaces engines. This stage handles supervisors that do
//! not answer, are overloaded, or do not notice a fault. One worker of a job is replaced at a time, and few
//! in an hour: a cause that affects all workers is not fixed by killing them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::observe::observation::Observation;
use crate::observe::pods::{Worker, WorkerState};
use crate::observe::scrape::Sample;

/// Time above [`MEMORY_SHARE`] after which a worker is replaced: the supervisor acts within seconds, and its
/// engine's files may take a minute.
pub const MEMORY_TIME: Duration = Duration::from_secs(120);
/// Share of the cgroup's limit that cannot be reclaimed. The supervisor's hard limit is 95 %.
pub const MEMORY_SHARE: f64 = 0.97;
/// Time with files in flight without progress of files or model after which a worker is replaced. The
/// supervisor's own limit depends on the batch and is 144 s for the default one: 0.6 s for each second of
/// audio in it.
pub const STUCK: Duration = Duration::from_secs(900);
/// Restarts in [`BUDGET_TIME`].
pub const BUDGET: usize = 6;
/// Period of the budget.
pub const BUDGET_TIME: Duration = Duration::from_secs(3600);
/// Limits that the operator's settings choose.
#[derive(Clone, Copy, Debug)]
pub struct RestartLimits {
    /// Time without an answer after which a worker that has answered before is replaced. A worker that never
    /// answered may still load its model, or its answers may not reach the operator; the kubelet's probe
    /// covers it. The worker's own watchdog for its supervisor (`/healthz`) takes 60 s; the kubelet's probe
    /// acts later (`build/container.rs`), since it has no budget.
    pub unresponsive: Duration,
}

impl RestartLimits {
    /// Delay before a refused eviction is requested again: a disruption budget opens when another pod is
    /// ready, or when somebody changes it.
    pub fn eviction_retry(&self) -> Duration {
        self.unresponsive / 4
    }
}

impl Default for RestartLimits {
    fn default() -> Self {
        Self { unresponsive: Duration::from_secs(120) }
    }
}

/// A worker to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The pod's name.
    pub pod: String,
    /// The pod's uid.
    pub uid: String,
    /// Reason, from a closed list.
    pub reason: RestartReason,
    /// Reason in a sentence.
    pub message: String,
}

/// Reason for replacing a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestartReason {
    /// The worker does not answer.
    Unresponsive,
    /// The worker stays at its memory limit.
    Memory,
    /// The worker makes no progress.
    NoProgress,
}

impl RestartReason {
    /// Grace period in seconds, if it differs from the pod's.
    ///
    /// An unresponsive worker may be frozen: waiting for its files would keep its shards for minutes. Half a
    /// minute suffices for a worker that is only unreachable to give them back.
    pub fn grace_seconds(self) -> Option<u32> {
        match self {
            Self::Unresponsive => Some(30),
            Self::Memory | Self::NoProgress => None,
        }
    }
}

/// State between reconciles.
#[derive(Clone, Debug, Default)]
pub struct RestartState {
    workers: BTreeMap<String, Health>,
    /// Times of restarts.
    restarts: Vec<Duration>,
    /// Uid of the pod whose eviction was refused last, and the time.
    refused: Option<(String, Duration)>,
}

impl RestartState {
    /// Records a restart that took place; a mere decision does not count.
    pub fn record(&mut self, now: Duration) {
        self.restarts.push(now);
    }

    /// Records a refused eviction. Returns whether it is the first in a row for this pod.
    pub fn record_refusal(&mut self, restart: &Restart, now: Duration) -> bool {
        let before = self.refused.replace((restart.uid.clone(), now));
        before.is_none_or(|(uid, _)| uid != restart.uid)
    }
}

/// Health of a worker: the times of the last good signs.
#[derive(Clone, Debug)]
struct Health {
    answered: Option<Duration>,
    below_limit: Duration,
    moved: Duration,
    /// Finished files and time in the model.
    done: (f64, f64),
}

/// Decides which worker to replace, if any.
pub fn restart(
    seen: &Observation,
    state: &mut RestartState,
    limits: &RestartLimits,
    now: Duration,
) -> Option<Restart> {
    let running: BTreeMap<&str, &Worker> = seen
        .workers
        .iter()
        .filter(|worker| !worker.terminating && matches!(worker.state, WorkerState::Running { .. }))
        .map(|worker| (worker.uid.as_str(), worker))
        .collect();
    state.workers.retain(|uid, _| running.contains_key(uid.as_str()));
    state.restarts.retain(|at| now.saturating_sub(*at) < BUDGET_TIME);
    let mut worst: Option<(Duration, Restart)> = None;
    for (uid, sample) in &seen.samples {
        let Some(worker) = running.get(uid.as_str()) else { continue };
        let fresh = Health { answered: None, below_limit: now, moved: now, done: (0.0, 0.0) };
        let health = state.workers.entry(uid.clone()).or_insert(fresh);
        update(health, sample.as_ref().ok(), now);
        let Some((since, reason, message)) = fault(health, sample, limits, now) else { continue };
        if worst.as_ref().is_none_or(|(longest, _)| since > *longest) {
            let restart = Restart { pod: worker.name.clone(), uid: uid.clone(), reason, message };
            worst = Some((since, restart));
        }
    }
    // One at a time: the previous one must be gone first.
    let terminating = seen.workers.iter().any(|worker| worker.terminating && worker.is_alive());
    let refused =
        state.refused.as_ref().is_some_and(|(_, at)| now.saturating_sub(*at) < limits.eviction_retry());
    if terminating || refused || state.restarts.len() >= BUDGET {
        return None;
    }
    worst.map(|(_, restart)| restart)
}

fn update(health: &mut Health, sample: Option<&Sample>, now: Duration) {
    let Some(sample) = sample else { return };
    health.answered = Some(now);
    let share = sample.working_set.zip(sample.memory_limit).map(|(set, limit)| set / limit);
    if share.is_none_or(|share| share < MEMORY_SHARE) {
        health.below_limit = now;
    }
    let done = (sample.files, sample.inference_seconds);
    if done != health.done || sample.in_flight <= 0.0 {
        health.done = done;
        health.moved = now;
    }
}

/// A worker's fault with its duration, if it exceeds its limit.
fn fault(
    health: &Health,
    sample: &Result<Sample, String>,
    limits: &RestartLimits,
    now: Duration,
) -> Option<(Duration, RestartReason, String)> {
    let since = |then: Duration| now.saturating_sub(then);
    let (silent, full, stuck) =
        (health.answered.map_or(Duration::ZERO, since), since(health.below_limit), since(health.moved));
    if silent >= limits.unresponsive {
        let error = sample.as_ref().err().map_or("", String::as_str);
        return Some((
            silent,
            RestartReason::Unresponsive,
            format!("no answer for {} s: {error}", silent.as_secs()),
        ));
    }
    if sample.is_err() {
        return None;
    }
    if full >= MEMORY_TIME {
        let message =
            format!("above {:.0} % of its memory limit for {} s", MEMORY_SHARE * 100.0, full.as_secs());
        return Some((full, RestartReason::Memory, message));
    }
    (stuck >= STUCK).then(|| {
        let message = format!("files in flight without progress for {} minutes", stuck.as_secs() / 60);
        (stuck, RestartReason::NoProgress, message)
    })
}

#[cfg(test)]
#[path = "restart_tests.rs"]
mod tests;
