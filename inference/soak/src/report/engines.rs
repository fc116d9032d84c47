//! What happened to engines: it takes the events one by one and gives why engines were replaced and what that cost.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{EventLine, ResultLine, SoakEvent};
use verbatim_crds::contract::RecycleReason;

/// Condemned engines whose words are kept: as many as a report lists.
const MOST_WORDS: usize = 500;

/// An engine that was replaced.
#[derive(Clone, Debug)]
pub struct Condemned {
    /// Its number.
    pub engine: u64,
    /// When, in seconds since the soak's beginning.
    pub at: f64,
    /// Why.
    pub reason: RecycleReason,
    /// Why, in words and figures; empty where there are too many to keep.
    pub why: String,
    /// Whether its files finished first.
    pub orderly: bool,
    /// For how long no engine took files then; none where that is not recorded.
    pub gap_seconds: Option<f64>,
    /// Times that files were run again because of it.
    pub run_again: usize,
}

/// A fault, once for each engine that it hit.
#[derive(Clone, Debug)]
pub struct Injection {
    /// As `crash@17`.
    pub fault: String,
    /// The engine that it hit.
    pub engine: u64,
    /// When, in seconds since the soak's beginning.
    pub at: f64,
}

/// What happened to engines.
#[derive(Clone, Debug, Default)]
pub struct EngineLog {
    /// Engines that were started.
    pub started: usize,
    /// Time from a start to taking files, each in seconds.
    pub load_seconds: Vec<f32>,
    /// Engines that were replaced, in order.
    pub condemned: Vec<Condemned>,
    /// Those of them whose gap has not ended.
    waiting: Vec<usize>,
    /// Faults, in order; those of every file once.
    pub injections: Vec<Injection>,
    leaks: BTreeSet<String>,
    /// Beginnings of concurrencies: seconds since the soak's beginning, and files in flight.
    pub phases: Vec<(f64, usize)>,
    /// Times that engines failed so often that the next one waited, and for how many seconds in all.
    pub backing_off: (usize, f64),
    /// Times that the batch budget changed.
    pub budgets: usize,
    /// Times that files were run again, all together.
    pub run_again: usize,
}

impl EngineLog {
    /// Takes one line of `events.jsonl`.
    ///
    /// # Errors
    /// The reason of a condemned engine that is none.
    pub fn event(&mut self, line: EventLine) -> Result<(), String> {
        let at = line.elapsed_seconds;
        match line.event {
            SoakEvent::EngineStarted { .. } => self.started += 1,
            SoakEvent::EngineReady { load_seconds, .. } => self.load_seconds.push(load_seconds as f32),
            SoakEvent::EngineCondemned { engine, reason, orderly, why } => {
                let known = RecycleReason::ALL.into_iter().find(|known| known.as_str() == reason);
                let reason = known.ok_or(reason)?;
                let why = if self.condemned.len() < MOST_WORDS { why } else { String::new() };
                self.waiting.push(self.condemned.len());
                let condemned =
                    Condemned { engine, at, reason, why, orderly, gap_seconds: None, run_again: 0 };
                self.condemned.push(condemned);
            }
            SoakEvent::EngineGone { .. } => {}
            SoakEvent::Gap { seconds, .. } => self.gap(seconds),
            SoakEvent::FaultInjected { fault, engine, .. } => self.injected(fault, engine, at),
            SoakEvent::Budget { .. } => self.budgets += 1,
            SoakEvent::BackingOff { seconds, .. } => {
                self.backing_off = (self.backing_off.0 + 1, self.backing_off.1 + seconds);
            }
            SoakEvent::Phase { concurrency } => self.phases.push((at, concurrency)),
        }
        Ok(())
    }

    /// The gap belongs to the engine that left it open first: others may have failed to close it since.
    fn gap(&mut self, seconds: f64) {
        if let Some(first) = self.waiting.first() {
            self.condemned[*first].gap_seconds = Some(seconds);
        }
        self.waiting.clear();
    }

    /// A leak comes with every file and is one fault all the same.
    fn injected(&mut self, fault: String, engine: u64, at: f64) {
        let leak = fault.starts_with("leak");
        if leak && self.leaks.contains(&fault) {
            return;
        }
        if leak {
            self.leaks.insert(fault.clone());
        }
        self.injections.push(Injection { fault, engine, at });
    }

    /// Takes a result: where the file was begun more than once, the engines that were lost last before its last beginning
    /// bear the cost. Events do not say which files an engine took with it; the sum is exact, its parts go by time.
    pub fn ran_again(&mut self, line: &ResultLine, worked: bool) {
        let again = line.attempts.saturating_sub(1) as usize;
        self.run_again += again;
        if again == 0 {
            return;
        }
        // A file that failed with the loss of an engine was not run again after that one.
        let (last_begun, not_again) =
            if worked { (line.elapsed_seconds - line.processing_time, 0) } else { (line.elapsed_seconds, 1) };
        let before = self.condemned.partition_point(|condemned| condemned.at <= last_begun);
        let lost = self.condemned[..before].iter_mut().rev().filter(|condemned| !condemned.orderly);
        lost.skip(not_again).take(again).for_each(|lost| lost.run_again += 1);
    }

    /// Seconds that each concurrency ran, until the soak's end at `wall_seconds`.
    pub fn phase_seconds(&self, wall_seconds: f64) -> BTreeMap<usize, f64> {
        let ends = self.phases.iter().skip(1).map(|(at, _)| *at).chain([wall_seconds]);
        let mut seconds = BTreeMap::new();
        for ((at, concurrency), end) in self.phases.iter().zip(ends) {
            *seconds.entry(*concurrency).or_default() += (end - at).max(0.0);
        }
        seconds
    }
}
