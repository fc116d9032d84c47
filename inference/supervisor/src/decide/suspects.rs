//! Judgment of files that may have brought down an engine. Takes a file's record and a loss; decides whether
//! the file runs again, alone, or fails.
//!
//! A loss counts against a file only where it was the only one begun.

use verbatim_crds::contract::RecycleReason;
use verbatim_crds::failure_policy::OnOutOfMemory;

use crate::decide::Decision;
use verbatim_protocol::failure::FailureReason;

/// Most losses of a file alone by memory running out that do not count. Budgets halve 8 times from an hour to
/// one segment; a file that lives long enough for the budget to grow back between two losses would otherwise
/// run for ever.
pub const MAX_UNCOUNTED: u32 = 8;

/// Rule for files of an engine whose memory ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfMemoryRule {
    /// Files run again with a smaller batch budget; no loss counts.
    Shrink,
    /// Files run again, and losses count like others: the budget cannot be smaller.
    Count,
    /// Files that were begun fail at once.
    Fail,
}

impl OutOfMemoryRule {
    /// The rule of a job's policy. `budget_was_minimum`: memory ran out with the minimum batch budget.
    pub fn of(policy: OnOutOfMemory, budget_was_minimum: bool) -> Self {
        match policy {
            OnOutOfMemory::Fail => Self::Fail,
            OnOutOfMemory::ShrinkAndRetry if budget_was_minimum => Self::Count,
            OnOutOfMemory::ShrinkAndRetry => Self::Shrink,
        }
    }
}

/// Verdict on a file that may have brought down its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuspectVerdict {
    /// The file runs again, alone.
    Suspected {
        /// Id of the file.
        id: usize,
        /// Reason for the loss of the engine.
        reason: RecycleReason,
        /// Reason for the suspicion.
        why: String,
    },
    /// The file has failed, and left the queue.
    Failed {
        /// Id of the file.
        id: usize,
        /// Times that the file was begun.
        attempts: u32,
        /// Losses that counted against the file.
        losses: u32,
        /// The file's reason for the failure, from the last loss.
        reason: FailureReason,
        /// Reason with figures.
        why: String,
    },
}

/// Record of a file until it is answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FileRecord {
    /// Whether an engine has the file.
    pub(super) in_flight: bool,
    /// Whether that engine has begun it.
    pub(super) begun: bool,
    /// Times that it was begun.
    pub(super) attempts: u32,
    /// Losses that count.
    pub(super) losses: u32,
    /// Losses alone that do not count.
    uncounted: u32,
    pub(super) is_suspect: bool,
}

impl FileRecord {
    /// Records a loss of an engine that had begun `begun` files. Decides whether the file fails.
    pub(super) fn judge(
        &mut self,
        reason: RecycleReason,
        begun: usize,
        max_attempts: u32,
        rule: OutOfMemoryRule,
    ) -> Decision<bool> {
        let out_of_memory = reason == RecycleReason::OutOfMemory;
        let name = reason.as_str();
        if out_of_memory && rule == OutOfMemoryRule::Fail {
            return Decision::new(
                true,
                "memory ran out while the file was in flight, which fails it by policy",
            );
        }
        if begun != 1 {
            return Decision::new(false, format!("begun, with others, when an engine was lost ({name})"));
        }
        if out_of_memory && rule == OutOfMemoryRule::Shrink && self.uncounted < MAX_UNCOUNTED {
            self.uncounted += 1;
            return Decision::new(
                false,
                "memory ran out while the file was alone, and batches can be smaller",
            );
        }
        self.losses = self.losses.saturating_add(1);
        let why = format!("alone when an engine was lost ({name}), {} of {max_attempts} times", self.losses);
        Decision::new(self.losses >= max_attempts, why)
    }
}
