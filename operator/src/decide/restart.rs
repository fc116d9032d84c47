//! Restart, second stage: a worker that its supervisor could not help is replaced.
//!
//! The first stage is in the worker: its supervisor replaces engines. This one is for supervisors that are gone, drown, or
//! believe that all is well. One worker of a job at a time, and few in an hour: whatever makes all workers sick is not mended
//! by killing them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::observe::{Observation, Sample, Worker, WorkerState};

/// Time without an answer of a worker that has answered before: one that never has may still load its model, or no answer of
/// it may reach the operator, and the kubelet's probe watches over it all the same. The worker's own watch over its supervisor
/// (`/healthz`) takes 60 s; the kubelet's probe comes after this (`build/pod.rs`), since it keeps to no budget.
pub const SILENT: Duration = Duration::from_secs(120);
/// Time above the share of memory: the supervisor acts within seconds, and its engine's files may take a minute.
pub const FULL: Duration = Duration::from_secs(120);
/// Share of the cgroup's limit that cannot be given back. The supervisor's hard limit is 95 %.
pub const FULL_SHARE: f64 = 0.97;
/// Time with files in flight, while neither they nor the model get on. The supervisor's own limit, which depends on the
/// batch, is 144 s for the default one: 0.6 s for each second of audio in it.
pub const STUCK: Duration = Duration::from_secs(900);
/// Restarts in [`BUDGET_TIME`].
pub const BUDGET: usize = 6;
/// The time that the budget is for.
pub const BUDGET_TIME: Duration = Duration::from_secs(3600);
/// Until an eviction that was refused is asked for again: a disruption budget opens when another pod is ready, or when somebody
/// changes it.
pub const AGAIN: Duration = Duration::from_secs(30);

/// A worker to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The pod's name.
    pub pod: String,
    /// The pod's uid.
    pub uid: String,
    /// Why, in one word.
    pub why: Why,
    /// Why, in words.
    pub words: String,
}

/// Why a worker is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// It does not answer.
    Silent,
    /// It sits at its memory limit.
    Memory,
    /// It makes no progress.
    NoProgress,
}

impl Why {
    /// As events and metrics say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "Silent",
            Self::Memory => "Memory",
            Self::NoProgress => "NoProgress",
        }
    }

    /// Seconds that a worker gets to end, if not those of its pod.
    ///
    /// One that does not answer may be one that nobody can wake: waiting for its files would keep its shards for minutes. Half a
    /// minute is enough for one that is only out of reach to give them back.
    pub fn grace_seconds(self) -> Option<u32> {
        match self {
            Self::Silent => Some(30),
            Self::Memory | Self::NoProgress => None,
        }
    }
}

/// What is carried from look to look.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    workers: BTreeMap<String, Health>,
    /// When workers were replaced.
    restarts: Vec<Duration>,
    /// The pod, by uid, whose eviction was refused last, and when.
    refused: Option<(String, Duration)>,
}

impl Memory {
    /// A worker was replaced. What was decided and not done does not count.
    pub fn done(&mut self, now: Duration) {
        self.restarts.push(now);
    }

    /// A worker must not be replaced for now. Gives whether that is news: it was not so for this pod before.
    pub fn refused(&mut self, restart: &Restart, now: Duration) -> bool {
        let before = self.refused.replace((restart.uid.clone(), now));
        before.is_none_or(|(uid, _)| uid != restart.uid)
    }
}

/// Since when a worker is ill, and with what.
#[derive(Clone, Debug)]
struct Health {
    answered: Option<Duration>,
    below_limit: Duration,
    moved: Duration,
    /// Files, time in the model.
    done: (f64, f64),
}

/// Decides which worker to replace, if any.
pub fn restart(seen: &Observation, memory: &mut Memory, now: Duration) -> Option<Restart> {
    let running: BTreeMap<&str, &Worker> = seen
        .workers
        .iter()
        .filter(|worker| !worker.leaving && matches!(worker.state, WorkerState::Running { .. }))
        .map(|worker| (worker.uid.as_str(), worker))
        .collect();
    memory.workers.retain(|uid, _| running.contains_key(uid.as_str()));
    memory.restarts.retain(|at| now.saturating_sub(*at) < BUDGET_TIME);
    let mut worst: Option<(Duration, Restart)> = None;
    for (uid, sample) in &seen.samples {
        let Some(worker) = running.get(uid.as_str()) else { continue };
        let fresh = Health { answered: None, below_limit: now, moved: now, done: (0.0, 0.0) };
        let health = memory.workers.entry(uid.clone()).or_insert(fresh);
        note(health, sample.as_ref().ok(), now);
        let Some((since, why, words)) = ill(health, sample, now) else { continue };
        if worst.as_ref().is_none_or(|(longest, _)| since > *longest) {
            let restart = Restart { pod: worker.name.clone(), uid: uid.clone(), why, words };
            worst = Some((since, restart));
        }
    }
    // One at a time: the one before must be replaced first.
    let leaving = seen.workers.iter().any(|worker| worker.leaving && worker.lives());
    let refused = memory.refused.as_ref().is_some_and(|(_, at)| now.saturating_sub(*at) < AGAIN);
    if leaving || refused || memory.restarts.len() >= BUDGET {
        return None;
    }
    worst.map(|(_, restart)| restart)
}

fn note(health: &mut Health, sample: Option<&Sample>, now: Duration) {
    let Some(sample) = sample else { return };
    health.answered = Some(now);
    let share = sample.working_set.zip(sample.memory_limit).map(|(set, limit)| set / limit);
    if share.is_none_or(|share| share < FULL_SHARE) {
        health.below_limit = now;
    }
    let done = (sample.files, sample.inference_seconds);
    if done != health.done || sample.in_flight <= 0.0 {
        health.done = done;
        health.moved = now;
    }
}

fn ill(health: &Health, sample: &Result<Sample, String>, now: Duration) -> Option<(Duration, Why, String)> {
    let since = |then: Duration| now.saturating_sub(then);
    let (silent, full, stuck) =
        (health.answered.map_or(Duration::ZERO, since), since(health.below_limit), since(health.moved));
    if silent >= SILENT {
        let error = sample.as_ref().err().map_or("", String::as_str);
        return Some((silent, Why::Silent, format!("no answer for {} s: {error}", silent.as_secs())));
    }
    if sample.is_err() {
        return None;
    }
    if full >= FULL {
        let words = format!("above {:.0} % of its memory limit for {} s", FULL_SHARE * 100.0, full.as_secs());
        return Some((full, Why::Memory, words));
    }
    (stuck >= STUCK).then(|| {
        let words = format!("files in flight and no progress for {} minutes", stuck.as_secs() / 60);
        (stuck, Why::NoProgress, words)
    })
}

#[cfg(test)]
#[path = "restart_tests.rs"]
mod tests;
