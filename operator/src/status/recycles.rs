//! Engines replaced, of all workers, those that are gone included.

use std::collections::BTreeMap;

use verbatim_crds::status::RecycleCounts;

use crate::observe::Sample;

/// Adds up workers' counters, each of which ends with its pod.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// What the status had when this began, without what living workers count themselves.
    base: Option<[i64; 5]>,
    /// Counters by worker.
    workers: BTreeMap<String, [i64; 5]>,
}

impl Tally {
    /// Takes what workers said. `before` is what the status has.
    pub fn look<'a>(
        &mut self,
        samples: impl Iterator<Item = (&'a str, &'a Sample)>,
        before: Option<RecycleCounts>,
    ) -> RecycleCounts {
        for (uid, sample) in samples {
            let known = self.workers.entry(uid.to_owned()).or_default();
            // A counter does not go back while its worker lives.
            for (known, now) in known.iter_mut().zip(sample.recycles) {
                *known = (*known).max(now);
            }
        }
        let sums = self.workers.values().fold([0; 5], |sums, worker| add(sums, *worker));
        let before = before.map(array).unwrap_or_default();
        // After a restart of the operator the workers that live count again what the status has of them.
        let base = *self.base.get_or_insert_with(|| std::array::from_fn(|at| (before[at] - sums[at]).max(0)));
        counts(add(base, sums))
    }
}

fn add(a: [i64; 5], b: [i64; 5]) -> [i64; 5] {
    std::array::from_fn(|at| a[at].saturating_add(b[at]))
}

fn array(counts: RecycleCounts) -> [i64; 5] {
    [counts.memory, counts.gpu_memory, counts.growth, counts.max_files, counts.crash]
}

fn counts([memory, gpu_memory, growth, max_files, crash]: [i64; 5]) -> RecycleCounts {
    RecycleCounts { memory, gpu_memory, growth, max_files, crash }
}

/// How many more there are, in words: `2 for memory, 1 after a crash`; none where there are no more.
pub fn more(before: Option<RecycleCounts>, after: RecycleCounts) -> Option<String> {
    let before = before.map(array).unwrap_or_default();
    let words =
        ["for memory", "for GPU memory", "for growth", "after their number of files", "after a crash"];
    let parts: Vec<String> = array(after)
        .into_iter()
        .zip(before)
        .zip(words)
        .filter(|((after, before), _)| after > before)
        .map(|((after, before), words)| format!("{} {words}", after - before))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(crash: i64) -> Sample {
        Sample { recycles: [0, 0, 0, 0, crash], ..Sample::default() }
    }

    #[test]
    fn workers_that_go_leave_their_count_and_a_restart_counts_nothing_twice() {
        let mut tally = Tally::default();
        let (a, b) = (sample(2), sample(1));
        let sums = tally.look([("a", &a), ("b", &b)].into_iter(), None);
        assert_eq!(sums.crash, 3);
        assert_eq!(tally.look([("b", &sample(4))].into_iter(), Some(sums)).crash, 6);
        // The operator starts anew; `a` is gone.
        let mut tally = Tally::default();
        let before = RecycleCounts { crash: 6, ..RecycleCounts::default() };
        assert_eq!(tally.look([("b", &sample(4))].into_iter(), Some(before)).crash, 6);
        assert_eq!(tally.look([("b", &sample(5))].into_iter(), Some(before)).crash, 7);
    }

    #[test]
    fn more_is_said_in_words() {
        let after = RecycleCounts { memory: 2, crash: 1, ..RecycleCounts::default() };
        assert_eq!(more(None, after).as_deref(), Some("2 for memory, 1 after a crash"));
        assert_eq!(more(Some(after), after), None);
    }
}
