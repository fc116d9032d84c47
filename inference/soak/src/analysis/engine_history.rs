//! History of the engines from the events: replacements with their cause and cost, injected faults, phases.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{EventLine, ResultLine, SoakEvent};
use verbatim_crds::contract::RecycleReason;

/// Replacements whose explanation is kept: more than the report lists.
const MAX_EXPLANATIONS: usize = 500;

/// Replacement of an engine.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    pub(crate) engine: u64,
    /// Time in seconds since the start of the soak.
    pub(crate) at: f64,
    pub(crate) reason: RecycleReason,
    /// Explanation with numbers; empty beyond the first [`MAX_EXPLANATIONS`].
    pub(crate) why: String,
    /// Whether the engine completed its files first.
    pub(crate) orderly: bool,
    /// Time during which no engine accepted files; none if not recorded.
    pub(crate) gap_seconds: Option<f64>,
    /// Reruns of files because of the replacement.
    pub(crate) reruns: usize,
}

/// A fault that hit an engine.
#[derive(Clone, Debug)]
pub(crate) struct FaultInjection {
    /// Name, such as `crash@17`.
    pub(crate) fault: String,
    pub(crate) engine: u64,
    /// Time in seconds since the start of the soak.
    pub(crate) at: f64,
}

/// History of all engines.
#[derive(Clone, Debug, Default)]
pub(crate) struct EngineHistory {
    /// Engines started.
    pub(crate) started: usize,
    /// Seconds from start to ready, of each engine.
    pub(crate) load_seconds: Vec<f32>,
    /// Replacements in order of time.
    pub(crate) replacements: Vec<Replacement>,
    /// Indexes of the replacements whose gap has not ended.
    open_gaps: Vec<usize>,
    /// Injected faults in order of time; a leak of every file once.
    pub(crate) faults: Vec<FaultInjection>,
    leaks: BTreeSet<String>,
    /// Start of each phase in seconds, and its concurrency.
    pub(crate) phases: Vec<(f64, usize)>,
    /// Number of delayed starts, because engines failed too often, and the sum of the delays in seconds.
    pub(crate) back_offs: (usize, f64),
    /// Changes of the batch budget.
    pub(crate) budget_changes: usize,
    /// Reruns of files, of all replacements.
    pub(crate) reruns: usize,
}

impl EngineHistory {
    /// Adds a line of `events.jsonl`.
    ///
    /// # Errors
    /// The name of an unknown [`RecycleReason`].
    pub(crate) fn add_event(&mut self, line: EventLine) -> Result<(), String> {
        let at = line.elapsed_seconds;
        match line.event {
            SoakEvent::EngineStarted { .. } => self.started += 1,
            SoakEvent::EngineReady { load_seconds, .. } => self.load_seconds.push(load_seconds as f32),
            SoakEvent::EngineReplaced { engine, reason, orderly, mut why } => {
                let known = RecycleReason::ALL.into_iter().find(|known| known.as_str() == reason);
                let reason = known.ok_or(reason)?;
                if self.replacements.len() >= MAX_EXPLANATIONS {
                    why = String::new();
                }
                self.open_gaps.push(self.replacements.len());
                let replacement =
                    Replacement { engine, at, reason, why, orderly, gap_seconds: None, reruns: 0 };
                self.replacements.push(replacement);
            }
            SoakEvent::EngineExited { .. } => {}
            SoakEvent::Gap { seconds, .. } => {
                // The gap belongs to the replacement that opened it: later engines may have failed before it
                // ended.
                if let Some(first) = self.open_gaps.first() {
                    self.replacements[*first].gap_seconds = Some(seconds);
                }
                self.open_gaps.clear();
            }
            SoakEvent::FaultInjected { fault, engine, .. } => {
                // A leak is injected with every file and counts once.
                if !fault.starts_with("leak") || self.leaks.insert(fault.clone()) {
                    self.faults.push(FaultInjection { fault, engine, at });
                }
            }
            SoakEvent::Budget { .. } => self.budget_changes += 1,
            SoakEvent::BackingOff { seconds, .. } => {
                self.back_offs = (self.back_offs.0 + 1, self.back_offs.1 + seconds);
            }
            SoakEvent::Phase { concurrency } => self.phases.push((at, concurrency)),
        }
        Ok(())
    }

    /// Attributes the reruns of a file to the engines lost last before its final attempt. Events do not say
    /// which files an engine took with it: the total is exact, the attribution goes by time.
    pub(crate) fn add_reruns(&mut self, line: &ResultLine, succeeded: bool) {
        let reruns = line.attempts.saturating_sub(1) as usize;
        self.reruns += reruns;
        if reruns == 0 {
            return;
        }
        // A file that failed with the loss of an engine was not rerun after that loss.
        let (last_attempt, without_rerun) = if succeeded {
            (line.elapsed_seconds - line.processing_time, 0)
        } else {
            (line.elapsed_seconds, 1)
        };
        let before = self.replacements.partition_point(|replacement| replacement.at <= last_attempt);
        let lost = self.replacements[..before].iter_mut().rev().filter(|replacement| !replacement.orderly);
        lost.skip(without_rerun).take(reruns).for_each(|lost| lost.reruns += 1);
    }

    /// Seconds that each concurrency ran in a soak of `wall_seconds`.
    pub(crate) fn phase_seconds(&self, wall_seconds: f64) -> BTreeMap<usize, f64> {
        let ends = self.phases.iter().skip(1).map(|(at, _)| *at).chain([wall_seconds]);
        let mut seconds = BTreeMap::new();
        for ((at, concurrency), end) in self.phases.iter().zip(ends) {
            *seconds.entry(*concurrency).or_default() += (end - at).max(0.0);
        }
        seconds
    }
}
