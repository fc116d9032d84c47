//! Whether every task has exactly one result. It takes the results' numbers and gives what is missing or there twice.

use std::collections::BTreeMap;

/// Tasks that a soak can have: 12 MB of bits. A month of a file every 30 ms.
pub const MOST_TASKS: usize = 100_000_000;

/// The tasks of a soak and their results.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    seen: Vec<u64>,
    last: usize,
    /// Tasks with a result.
    pub answered: usize,
    /// Results of tasks that had one already.
    pub twice: usize,
    /// Tasks that failed, by reason.
    pub failed: BTreeMap<String, usize>,
}

impl Tasks {
    /// Takes one result; says whether it is its task's first. `task` is from 1 to [`MOST_TASKS`], which the reader sees
    /// to.
    pub fn result(&mut self, task: usize, failed: Option<&str>) -> bool {
        let (word, bit) = (task / 64, 1 << (task % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        self.last = self.last.max(task);
        if self.seen[word] & bit != 0 {
            self.twice += 1;
            return false;
        }
        self.seen[word] |= bit;
        self.answered += 1;
        if let Some(reason) = failed {
            match self.failed.get_mut(reason) {
                Some(number) => *number += 1,
                None => {
                    self.failed.insert(reason.to_owned(), 1);
                }
            }
        }
        true
    }

    /// Tasks without a result whose number is below that of one with a result.
    pub fn missing(&self) -> usize {
        self.last - self.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once() {
        let mut tasks = Tasks::default();
        assert_eq!(tasks.missing(), 0);
        assert!([3, 1, 64, 2].into_iter().all(|task| tasks.result(task, None)));
        assert!(!tasks.result(3, Some("Corrupt")), "a second result has no effect");
        assert!(tasks.result(65, Some("Corrupt")));
        assert_eq!((tasks.answered, tasks.twice, tasks.missing()), (5, 1, 60));
        assert_eq!(tasks.failed, BTreeMap::from([("Corrupt".to_owned(), 1)]));
    }
}
