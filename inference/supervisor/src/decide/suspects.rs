//! In which order files go to engines, and what becomes of those that were in an engine that was lost. Takes files, what
//! engines did with them, and losses; gives the next file, and a verdict for each file that may be to blame.
//!
//! Files that a lost engine had begun are suspects: they run again, each alone in its engine, so that the next loss
//! has one culprit. A loss counts against a file only where it was the only one begun. A suspect that is done is cleared.

use std::collections::{BTreeMap, VecDeque};

use verbatim_crds::failure_policy::OnOutOfMemory;

use super::Decision;
use crate::observe::RecycleReason;
use verbatim_protocol::failure::FailureReason;

/// Losses of a file alone that memory ran out in and that do not count, at most. Budgets halve 8 times from an hour to one
/// segment; a file that lives long enough for the budget to grow back between two would otherwise be tried for ever.
pub const MOST_UNCOUNTED: u32 = 8;

/// What is next for an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This file.
    Fresh(usize),
    /// This file, which is a suspect: nothing else goes to an engine until it is done or lost.
    Alone(usize),
    /// Nothing now: a suspect is running, or waits for the engine to be empty.
    Wait,
    /// Nothing is waiting. Files in flight may come back.
    Empty,
}

/// What is done about files of an engine whose memory ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfMemoryRule {
    /// They go again with a smaller batch budget; no loss counts.
    Shrink,
    /// They go again, and losses count as others do: the budget cannot be smaller.
    Count,
    /// Those that were begun fail at once.
    Fail,
}

impl OutOfMemoryRule {
    /// The rule that a job's policy makes; `budget_was_least`: memory ran out with the least batch budget.
    pub fn of(policy: OnOutOfMemory, budget_was_least: bool) -> Self {
        match policy {
            OnOutOfMemory::Fail => Self::Fail,
            OnOutOfMemory::ShrinkAndRetry if budget_was_least => Self::Count,
            OnOutOfMemory::ShrinkAndRetry => Self::Shrink,
        }
    }
}

/// What becomes of a file that may have lost its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs again, alone.
    Suspected {
        /// The file.
        id: usize,
        /// Why the engine was lost.
        reason: RecycleReason,
        /// Why it is a suspect, in words.
        why: String,
    },
    /// It has failed, and is out of the queue.
    Failed {
        /// The file.
        id: usize,
        /// Times that it was begun.
        attempts: u32,
        /// Losses that counted against it.
        losses: u32,
        /// The reason of the last loss, as a file's.
        reason: FailureReason,
        /// Why it has failed, in words.
        why: String,
    },
}

/// What is known of a file until it is done.
#[derive(Clone, Copy, Debug, Default)]
struct File {
    /// It was handed to an engine.
    out: bool,
    /// That engine has begun it.
    begun: bool,
    /// Times that it was begun.
    attempts: u32,
    /// Losses that count.
    losses: u32,
    /// Losses alone that did not count.
    uncounted: u32,
    suspect: bool,
}

/// Files to do, and those in flight.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    fresh: VecDeque<usize>,
    suspects: VecDeque<usize>,
    alone: Option<usize>,
    files: BTreeMap<usize, File>,
}

impl Queue {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more file to do. One that is waiting or in flight already is not taken twice.
    pub fn push_back(&mut self, id: usize) {
        if let std::collections::btree_map::Entry::Vacant(entry) = self.files.entry(id) {
            entry.insert(File::default());
            self.fresh.push_back(id);
        }
    }

    /// The next file for an engine that has `in_flight` files, begun or not, that it has not answered yet. A file that is
    /// given here is in flight until [`Self::done`], [`Self::lost`] or [`Self::out_of_memory`] says otherwise.
    pub fn next(&mut self, in_flight: usize) -> Next {
        if self.alone.is_some() || (in_flight > 0 && !self.suspects.is_empty()) {
            return Next::Wait;
        }
        let (id, next) = if let Some(id) = self.suspects.pop_front() {
            self.alone = Some(id);
            (id, Next::Alone(id))
        } else if let Some(id) = self.fresh.pop_front() {
            (id, Next::Fresh(id))
        } else {
            return Next::Empty;
        };
        if let Some(file) = self.files.get_mut(&id) {
            file.out = true;
        }
        next
    }

    /// An engine has begun a file that was handed to it. Returns how often that has happened to the file by now.
    pub fn begun(&mut self, id: usize) -> u32 {
        let Some(file) = self.files.get_mut(&id).filter(|file| file.out) else { return 0 };
        if !file.begun {
            file.begun = true;
            file.attempts = file.attempts.saturating_add(1);
        }
        file.attempts
    }

    /// An engine has answered a file that was in flight, whatever the answer: it is out of the queue.
    pub fn done(&mut self, id: usize) {
        if self.files.get(&id).is_some_and(|file| file.out) {
            self.forget(id);
        }
    }

    /// An engine was lost, with files in flight, begun or not. Those not to blame go back to where they were, before others;
    /// those to blame get a verdict each.
    ///
    /// To blame are the files that were begun; of them `hung` alone, where it is known that the engine hung on that one;
    /// none where the loss is not `charged`, being nobody's fault or the supervisor's. `rule` is for a loss because memory
    /// ran out. A file fails with its loss number `max_attempts` that counts.
    pub fn lost(
        &mut self,
        in_flight: &[usize],
        reason: RecycleReason,
        max_attempts: u32,
        charged: bool,
        hung: Option<usize>,
        rule: OutOfMemoryRule,
    ) -> Vec<Verdict> {
        let (mut back, mut begun) = (Vec::new(), Vec::new());
        for &id in in_flight {
            let Some(file) = self.files.get_mut(&id).filter(|file| file.out) else { continue };
            file.out = false;
            if std::mem::take(&mut file.begun) {
                begun.push(id)
            } else {
                back.push(id)
            }
            self.alone = self.alone.filter(|alone| *alone != id);
        }
        let number = begun.len();
        let hung = hung.filter(|id| begun.contains(id));
        let (blamed, cleared): (Vec<_>, Vec<_>) =
            begun.into_iter().partition(|id| charged && hung.is_none_or(|hung| hung == *id));
        // What was begun was handed over earlier.
        for id in cleared.into_iter().chain(back).rev() {
            let suspect = self.files.get(&id).is_some_and(|file| file.suspect);
            if suspect { self.suspects.push_front(id) } else { self.fresh.push_front(id) }
        }
        blamed.into_iter().map(|id| self.blame(id, reason, number, max_attempts, rule)).collect()
    }

    /// An engine has answered a file with [`FailureReason::OutOfMemory`], and goes on. None for a file not in flight.
    pub fn out_of_memory(&mut self, id: usize, max_attempts: u32, rule: OutOfMemoryRule) -> Option<Verdict> {
        let file = self.files.get_mut(&id).filter(|file| file.out)?;
        (file.out, file.begun) = (false, false);
        // Others may have been in the engine unless this one was alone there.
        let number = if self.alone == Some(id) { 1 } else { usize::MAX };
        self.alone = self.alone.filter(|alone| *alone != id);
        Some(self.blame(id, RecycleReason::OutOfMemory, number, max_attempts, rule))
    }

    /// Times that a file was begun; 0 for one that is not in the queue or in flight.
    pub fn attempts(&self, id: usize) -> u32 {
        self.files.get(&id).map_or(0, |file| file.attempts)
    }

    /// Losses that count against a file; 0 for one that is not in the queue or in flight.
    pub fn losses(&self, id: usize) -> u32 {
        self.files.get(&id).map_or(0, |file| file.losses)
    }

    /// Files that wait, suspects among them.
    pub fn waiting(&self) -> usize {
        self.fresh.len() + self.suspects.len()
    }

    /// Files that are not done, waiting or in flight.
    pub fn remaining(&self) -> usize {
        self.files.len()
    }

    fn forget(&mut self, id: usize) -> File {
        self.alone = self.alone.filter(|alone| *alone != id);
        self.files.remove(&id).unwrap_or_default()
    }

    /// A verdict on a file that is neither in flight nor waiting; `number` files were begun.
    fn blame(
        &mut self,
        id: usize,
        reason: RecycleReason,
        number: usize,
        max_attempts: u32,
        rule: OutOfMemoryRule,
    ) -> Verdict {
        let file = self.files.entry(id).or_default();
        let Decision { action: fails, why } = judge(file, reason, number, max_attempts, rule);
        if fails {
            let File { attempts, losses, .. } = self.forget(id);
            return Verdict::Failed { id, attempts, losses, reason: reason.failure(), why };
        }
        file.suspect = true;
        // After other suspects: one that is done shows that engines work.
        self.suspects.push_back(id);
        Verdict::Suspected { id, reason, why }
    }
}

/// Counts a loss against a file where it does count; whether the file fails with it.
fn judge(
    file: &mut File,
    reason: RecycleReason,
    number: usize,
    max_attempts: u32,
    rule: OutOfMemoryRule,
) -> Decision<bool> {
    let memory = reason == RecycleReason::OutOfMemory;
    let name = reason.as_str();
    if memory && rule == OutOfMemoryRule::Fail {
        return Decision::new(true, "memory ran out while it was in flight, and such files are to fail");
    }
    if number != 1 {
        return Decision::new(false, format!("it was begun, with others, when an engine was lost ({name})"));
    }
    if memory && rule == OutOfMemoryRule::Shrink && file.uncounted < MOST_UNCOUNTED {
        file.uncounted += 1;
        return Decision::new(false, "memory ran out while it was alone, and the batch can be smaller");
    }
    file.losses = file.losses.saturating_add(1);
    let why =
        format!("it was alone when an engine was lost ({name}), {} of {max_attempts} times", file.losses);
    Decision::new(file.losses >= max_attempts, why)
}

#[cfg(test)]
#[path = "suspects_tests.rs"]
mod tests;
