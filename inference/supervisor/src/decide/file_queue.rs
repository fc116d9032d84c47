//! Order in which files go to engines. Takes files, what engines did with them, and losses of engines; gives
//! the next file, and a verdict on each file that may be to blame.
//!
//! Files that a lost engine had begun are suspects: they run again, each alone in its engine, so that the
//! next loss has one culprit. A suspect that is answered is cleared.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use verbatim_crds::contract::RecycleReason;

use crate::decide::Decision;
use crate::decide::suspects::{FileRecord, OutOfMemoryRule, SuspectVerdict};

/// Next file for an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextFile {
    /// This file.
    Fresh(usize),
    /// This suspect: no other file goes to an engine until it is answered or lost.
    Alone(usize),
    /// None now: a suspect is running, or waits for the engine to be empty.
    Wait,
    /// None waits. Files in flight may come back.
    Empty,
}

/// Files that wait or are in flight.
#[derive(Clone, Debug, Default)]
pub struct FileQueue {
    fresh: VecDeque<usize>,
    suspects: VecDeque<usize>,
    alone: Option<usize>,
    files: BTreeMap<usize, FileRecord>,
}

impl FileQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, unless it waits or is in flight already.
    pub fn push_back(&mut self, id: usize) {
        if let Entry::Vacant(entry) = self.files.entry(id) {
            entry.insert(FileRecord::default());
            self.fresh.push_back(id);
        }
    }

    /// The next file for an engine with `in_flight` files, begun or not. The file is in flight until
    /// [`Self::done`] or [`Self::lost`].
    pub fn next(&mut self, in_flight: usize) -> NextFile {
        if self.alone.is_some() || (in_flight > 0 && !self.suspects.is_empty()) {
            return NextFile::Wait;
        }
        let (id, next) = if let Some(id) = self.suspects.pop_front() {
            self.alone = Some(id);
            (id, NextFile::Alone(id))
        } else if let Some(id) = self.fresh.pop_front() {
            (id, NextFile::Fresh(id))
        } else {
            return NextFile::Empty;
        };
        if let Some(file) = self.files.get_mut(&id) {
            file.in_flight = true;
        }
        next
    }

    /// Records that an engine has begun a file in flight. Returns the number of times that this has happened
    /// to the file.
    pub fn begun(&mut self, id: usize) -> u32 {
        let Some(file) = self.files.get_mut(&id).filter(|file| file.in_flight) else { return 0 };
        if !file.begun {
            file.begun = true;
            file.attempts = file.attempts.saturating_add(1);
        }
        file.attempts
    }

    /// Removes a file in flight that an engine has answered, whatever the answer.
    pub fn done(&mut self, id: usize) {
        if self.files.get(&id).is_some_and(|file| file.in_flight) {
            self.remove(id);
        }
    }

    /// Records the loss of an engine with files in flight, begun or not. Files that are not to blame return
    /// to their place, ahead of others; each file to blame gets a verdict.
    ///
    /// To blame are the files that were begun: only `hung`, where it is known that the engine hung on that
    /// one; none where the loss is not `charged`, as it is the supervisor's fault or nobody's. `rule` is for
    /// losses because memory ran out. A file fails with its counted loss number `max_attempts`.
    pub fn lost(
        &mut self,
        in_flight: &[usize],
        reason: RecycleReason,
        max_attempts: u32,
        charged: bool,
        hung: Option<usize>,
        rule: OutOfMemoryRule,
    ) -> Vec<SuspectVerdict> {
        let (mut returned, mut begun) = (Vec::new(), Vec::new());
        for &id in in_flight {
            let Some(file) = self.files.get_mut(&id).filter(|file| file.in_flight) else { continue };
            file.in_flight = false;
            if std::mem::take(&mut file.begun) {
                begun.push(id)
            } else {
                returned.push(id)
            }
            self.alone = self.alone.filter(|alone| *alone != id);
        }
        let number_begun = begun.len();
        let hung = hung.filter(|id| begun.contains(id));
        let (blamed, cleared): (Vec<_>, Vec<_>) =
            begun.into_iter().partition(|id| charged && hung.is_none_or(|hung| hung == *id));
        // Files that were begun had been sent first.
        for id in cleared.into_iter().chain(returned).rev() {
            let is_suspect = self.files.get(&id).is_some_and(|file| file.is_suspect);
            if is_suspect { self.suspects.push_front(id) } else { self.fresh.push_front(id) }
        }
        blamed.into_iter().map(|id| self.blame(id, reason, number_begun, max_attempts, rule)).collect()
    }

    /// Times that a file was begun; 0 for a file that neither waits nor is in flight.
    #[cfg(test)]
    pub(crate) fn attempts(&self, id: usize) -> u32 {
        self.files.get(&id).map_or(0, |file| file.attempts)
    }

    /// Losses that count against a file; 0 for a file that neither waits nor is in flight.
    #[cfg(test)]
    pub(crate) fn losses(&self, id: usize) -> u32 {
        self.files.get(&id).map_or(0, |file| file.losses)
    }

    /// Number of files that wait, including suspects.
    pub fn waiting(&self) -> usize {
        self.fresh.len() + self.suspects.len()
    }

    /// Number of files that wait or are in flight.
    #[cfg(test)]
    pub(crate) fn remaining(&self) -> usize {
        self.files.len()
    }

    fn remove(&mut self, id: usize) -> FileRecord {
        self.alone = self.alone.filter(|alone| *alone != id);
        self.files.remove(&id).unwrap_or_default()
    }

    /// Verdict on a file that is neither in flight nor waiting; `number_begun` files had been begun.
    fn blame(
        &mut self,
        id: usize,
        reason: RecycleReason,
        number_begun: usize,
        max_attempts: u32,
        rule: OutOfMemoryRule,
    ) -> SuspectVerdict {
        let file = self.files.entry(id).or_default();
        let Decision { action: fails, why } = file.judge(reason, number_begun, max_attempts, rule);
        if fails {
            let FileRecord { attempts, losses, .. } = self.remove(id);
            return SuspectVerdict::Failed { id, attempts, losses, reason: reason.failure(), why };
        }
        file.is_suspect = true;
        // After other suspects: one that succeeds shows that engines work.
        self.suspects.push_back(id);
        SuspectVerdict::Suspected { id, reason, why }
    }
}

#[cfg(test)]
#[path = "file_queue_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "file_queue_simulation_tests.rs"]
mod simulation_tests;
