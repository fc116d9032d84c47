//! How many processes of the cgroup the kernel has killed for memory, now and a while ago.
//!
//! The kernel counts first and kills then, and a process of gigabytes takes a while to go where processors are busy. A count that
//! was taken meanwhile is one of after the kill, though the engine still seems to live: only an older one tells what was before.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Longest time from the kernel's count until the engine's end is seen. It was not measured by itself: of 14 engines under a limit of
/// 400 MB, on two busy cores and with a look each second, 4 were looked at in between. Ten seconds are a guess with room for larger
/// ones. Another kill of the same seconds that was not for memory is told as one that was.
const DYING: Duration = Duration::from_secs(10);

/// Counts of the last seconds.
#[derive(Debug, Default)]
pub struct OomKills {
    /// When, and how many; the first is the last one that is old enough, or the first of all.
    looks: VecDeque<(Instant, u64)>,
}

impl OomKills {
    /// So many were counted. Moments come in order.
    pub fn saw(&mut self, now: Instant, count: u64) {
        self.looks.push_back((now, count));
        while self.looks.get(1).is_some_and(|(then, _)| now.saturating_duration_since(*then) >= DYING) {
            self.looks.pop_front();
        }
    }

    /// How many there were before those of the last seconds; 0 if nobody looked.
    pub fn before(&self) -> u64 {
        self.looks.front().map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_news_until_whoever_it_took_must_be_gone() {
        let begun = Instant::now();
        let mut kills = OomKills::default();
        assert_eq!(kills.before(), 0);
        // Looked at each second; the kernel kills in the fifth.
        for second in 0..60 {
            kills.saw(begun + Duration::from_secs(second), if second < 5 { 2 } else { 3 });
            assert_eq!(kills.before(), if second < 15 { 2 } else { 3 }, "{second}");
            assert!(kills.looks.len() <= 11);
        }
    }

    #[test]
    fn looks_far_apart_keep_the_one_before() {
        let begun = Instant::now();
        let mut kills = OomKills::default();
        for (second, count, before) in [(0, 1, 1), (100, 2, 1), (105, 2, 1), (200, 2, 2)] {
            kills.saw(begun + Duration::from_secs(second), count);
            assert_eq!(kills.before(), before, "{second}");
        }
    }
}
