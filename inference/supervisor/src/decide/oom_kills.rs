//! Count of OOM kills in the cgroup, now and some seconds ago.
//!
//! The kernel counts first and kills then, and a process of gigabytes takes a while to exit on a busy
//! machine. A count read meanwhile includes the kill although the engine still seems to run; only an older
//! count is one from before.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Longest time from the kernel's count until the exit of the engine is noticed. A guess with room for large
/// engines: it was not measured by itself, but of 14 engines under a limit of 400 MB, on two busy cores and
/// measured each second, 4 were measured in between. A SIGKILL for another reason within this time is
/// reported as an OOM kill.
const EXIT_DELAY: Duration = Duration::from_secs(10);

/// Recent counts of OOM kills.
#[derive(Debug, Default)]
pub struct OomKills {
    /// Time and count. The first is the newest one that is old enough, or else the oldest.
    counts: VecDeque<(Instant, u64)>,
}

impl OomKills {
    /// Records a count. Times have to be in order.
    pub fn record(&mut self, now: Instant, count: u64) {
        self.counts.push_back((now, count));
        while self.counts.get(1).is_some_and(|(then, _)| now.saturating_duration_since(*then) >= EXIT_DELAY) {
            self.counts.pop_front();
        }
    }

    /// Count before those of the last seconds; 0 without any record.
    pub fn before_recent(&self) -> u64 {
        self.counts.front().map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_recent_until_its_process_must_have_exited() {
        let begun = Instant::now();
        let mut kills = OomKills::default();
        assert_eq!(kills.before_recent(), 0);
        // Recorded each second; the kernel kills in the fifth.
        for second in 0..60 {
            kills.record(begun + Duration::from_secs(second), if second < 5 { 2 } else { 3 });
            assert_eq!(kills.before_recent(), if second < 15 { 2 } else { 3 }, "{second}");
            assert!(kills.counts.len() <= 11);
        }
    }

    #[test]
    fn counts_far_apart_keep_the_previous_one() {
        let begun = Instant::now();
        let mut kills = OomKills::default();
        for (second, count, before) in [(0, 1, 1), (100, 2, 1), (105, 2, 1), (200, 2, 2)] {
            kills.record(begun + Duration::from_secs(second), count);
            assert_eq!(kills.before_recent(), before, "{second}");
        }
    }
}
