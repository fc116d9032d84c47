//! Recycled engines of all workers, past ones included.

use std::collections::BTreeMap;

use verbatim_crds::contract::RecycleReason;
use verbatim_crds::status::RecycleCounts;

use crate::observe::scrape::Sample;

/// Sums the workers' counters, each of which ends with its pod.
#[derive(Clone, Debug, Default)]
pub struct RecycleTally {
    /// Counts of the status when the tally began, without those of the workers that were alive then.
    base: Option<RecycleCounts>,
    /// Counters by worker.
    workers: BTreeMap<String, RecycleCounts>,
}

impl RecycleTally {
    /// Adds the current samples and returns the sums. `before` are the counts of the previous status.
    pub fn update<'a>(
        &mut self,
        samples: impl Iterator<Item = (&'a str, &'a Sample)>,
        before: Option<RecycleCounts>,
    ) -> RecycleCounts {
        for (uid, sample) in samples {
            let known = self.workers.entry(uid.to_owned()).or_default();
            // A counter does not decrease while its worker lives.
            *known = known.zip(sample.recycles, i64::max);
        }
        let sums = self
            .workers
            .values()
            .fold(RecycleCounts::default(), |sums, worker| sums.zip(*worker, i64::saturating_add));
        // After a restart of the operator, living workers report again what the status already has of them.
        let base = self
            .base
            .get_or_insert_with(|| before.unwrap_or_default().zip(sums, |before, sum| (before - sum).max(0)));
        base.zip(sums, i64::saturating_add)
    }
}

/// Increase between two counts as text: `2 for memory, 1 after a crash`; `None` if there is none.
pub fn increase(before: Option<RecycleCounts>, after: RecycleCounts) -> Option<String> {
    let parts: Vec<String> = after
        .zip(before.unwrap_or_default(), |after, before| after - before)
        .entries()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{count} {}", cause(reason)))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn cause(reason: RecycleReason) -> &'static str {
    match reason {
        RecycleReason::Memory => "for memory",
        RecycleReason::GpuMemory => "for GPU memory",
        RecycleReason::Growth => "for growth",
        RecycleReason::MaxFiles => "after their number of files",
        RecycleReason::OutOfMemory
        | RecycleReason::Wedged
        | RecycleReason::Protocol
        | RecycleReason::Crash => "after a crash",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(crash: i64) -> Sample {
        Sample { recycles: RecycleCounts { crash, ..RecycleCounts::default() }, ..Sample::default() }
    }

    #[test]
    fn gone_workers_keep_their_count_and_a_restart_counts_nothing_twice() {
        let mut tally = RecycleTally::default();
        let (a, b) = (sample(2), sample(1));
        let sums = tally.update([("a", &a), ("b", &b)].into_iter(), None);
        assert_eq!(sums.crash, 3);
        assert_eq!(tally.update([("b", &sample(4))].into_iter(), Some(sums)).crash, 6);
        // The operator restarts; `a` is gone.
        let mut tally = RecycleTally::default();
        let before = RecycleCounts { crash: 6, ..RecycleCounts::default() };
        assert_eq!(tally.update([("b", &sample(4))].into_iter(), Some(before)).crash, 6);
        assert_eq!(tally.update([("b", &sample(5))].into_iter(), Some(before)).crash, 7);
    }

    #[test]
    fn increase_is_text() {
        let after = RecycleCounts { memory: 2, crash: 1, ..RecycleCounts::default() };
        assert_eq!(increase(None, after).as_deref(), Some("2 for memory, 1 after a crash"));
        assert_eq!(increase(Some(after), after), None);
    }
}
