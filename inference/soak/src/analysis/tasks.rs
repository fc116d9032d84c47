//! Tasks with and without a result, and duplicate results. Pure.

use std::collections::BTreeMap;

/// Maximum number of tasks in a soak: 12 MB of bits, or a month with a file every 30 ms.
pub(crate) const MAX_TASKS: usize = 100_000_000;

/// Tally of the results of all tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskTally {
    /// One bit per task.
    seen: Vec<u64>,
    last: usize,
    /// Tasks with a result.
    pub(crate) answered: usize,
    /// Results of tasks that already had one.
    pub(crate) duplicates: usize,
    /// Failed tasks by reason.
    pub(crate) failed: BTreeMap<String, usize>,
}

impl TaskTally {
    /// Adds a result and returns whether it is the first of its task. The caller ensures that `task` is from
    /// 1 to [`MAX_TASKS`].
    pub(crate) fn add(&mut self, task: usize, failure: Option<&str>) -> bool {
        let (word, bit) = (task / 64, 1 << (task % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        self.last = self.last.max(task);
        if self.seen[word] & bit != 0 {
            self.duplicates += 1;
            return false;
        }
        self.seen[word] |= bit;
        self.answered += 1;
        if let Some(reason) = failure {
            *self.failed.entry(reason.to_owned()).or_default() += 1;
        }
        true
    }

    /// Number of tasks without a result, up to the last task with one.
    pub(crate) fn missing(&self) -> usize {
        self.last - self.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_duplicate_results() {
        let mut tasks = TaskTally::default();
        assert_eq!(tasks.missing(), 0);
        assert!([3, 1, 64, 2].into_iter().all(|task| tasks.add(task, None)));
        assert!(!tasks.add(3, Some("Corrupt")), "a second result has no effect");
        assert!(tasks.add(65, Some("Corrupt")));
        assert_eq!((tasks.answered, tasks.duplicates, tasks.missing()), (5, 1, 60));
        assert_eq!(tasks.failed, BTreeMap::from([("Corrupt".to_owned(), 1)]));
    }
}
