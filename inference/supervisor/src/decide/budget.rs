//! How many seconds of segments go through the model together. Takes times that memory ran out and audio that was done
//! without; gives the batch budget: halved at once, grown back slowly. Additive increase, multiplicative decrease, as
//! TCP does it (D.-M. Chiu and R. Jain, 1989), with a memory of where it failed.

use super::Decision;

/// The least budget, in seconds: one segment, which is as long as VAD lets it be.
pub const LEAST_SECONDS: f64 = 15.0;

/// Steps from nothing to the most. From half of it, it takes 8 steps to get back.
const STEPS: f64 = 16.0;

/// Full batches that have to go well before a step. Batches differ by how much padding and how long a text they hold:
/// ten have seen the usual ones. From half of 240 s the way back takes 14,000 s of audio, minutes of work.
const BATCHES: f64 = 10.0;

/// Levels that differ by less than this share are the same one: memory ran out there again. Also how far above such a
/// level the budget has to work for it to be forgotten.
const NEAR: f64 = 0.1;

/// Times that memory has to run out near a level before the budget gets careful there: once is an accident.
const AGAIN: u32 = 2;

/// How many times as small steps are near a level where memory ran out again: they end nearer below what works.
const CAREFUL: f64 = 4.0;

/// Doublings of the audio that has to go well before a careful step, one for each time that memory ran out there again.
/// Each time costs an engine, and a budget a tenth below the level costs next to nothing. At most 6: 64 times as much
/// audio, some 90,000 s near 140 s, so that a level that was due to something passing is left behind in some hours.
const DOUBLINGS: u32 = 6;

/// The batch budget, in seconds of segments with their padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    max: f64,
    current: f64,
    least: f64,
    /// Audio done since the budget last changed, in seconds.
    done: f64,
    failed: Option<Failed>,
}

/// A level at which memory ran out.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Failed {
    level: f64,
    times: u32,
}

impl Budget {
    /// Starts at `max` seconds, which the budget never exceeds.
    pub fn new(max: f64) -> Self {
        Self { max, current: max, least: LEAST_SECONDS.min(max), done: 0.0, failed: None }
    }

    /// Seconds that may be in the model now.
    pub fn current(&self) -> f64 {
        self.current
    }

    /// Whether the budget cannot be made smaller: a file that runs out of memory now, alone, always will.
    pub fn is_least(&self) -> bool {
        self.current <= self.least
    }

    /// Memory ran out: halves the budget, down to the least. The action is the budget from now on.
    pub fn on_out_of_memory(&mut self) -> Decision<f64> {
        self.halve("memory ran out")
    }

    /// Batches alone took an engine above its soft limit, for `what` in words: the same.
    pub fn on_oversized(&mut self, what: &str) -> Decision<f64> {
        self.halve(what)
    }

    fn halve(&mut self, what: &str) -> Decision<f64> {
        let before = self.current;
        let again = self.failed.filter(|failed| (before - failed.level).abs() <= NEAR * failed.level);
        self.failed = Some(match again {
            // The lower of the two is the safer one to remember.
            Some(failed) => Failed { level: failed.level.min(before), times: failed.times.saturating_add(1) },
            None => Failed { level: before, times: 1 },
        });
        self.current = (before / 2.0).max(self.least);
        self.done = 0.0;
        let why = if self.current < before {
            format!("{what} with batches of {before:.0} s: they are {:.0} s from now on", self.current)
        } else {
            format!("{what} with batches of {before:.0} s, and they cannot be shorter")
        };
        Decision::new(self.current, why)
    }

    /// So many more seconds of audio were done without running out: the budget from now on, where that changes it.
    pub fn on_progress(&mut self, audio_seconds: f64) -> Option<Decision<f64>> {
        if self.current >= self.max {
            return None;
        }
        self.done += audio_seconds.max(0.0);
        let before = self.current;
        let step = self.max / STEPS;
        let careful = self.careful(before + step);
        let doublings = careful.map_or(0, |failed| (failed.times - AGAIN).min(DOUBLINGS));
        let well = BATCHES * before * f64::from(1 << doublings);
        if self.done < well {
            return None;
        }
        self.current = (before + if careful.is_some() { step / CAREFUL } else { step }).min(self.max);
        self.done = 0.0;
        self.failed = self.failed.filter(|failed| before <= failed.level * (1.0 + NEAR));
        let slowly = careful.map_or_else(String::new, |failed| {
            format!(", slowly, since memory ran out {} times near {:.0} s", failed.times, failed.level)
        });
        let current = self.current;
        let why = format!(
            "{well:.0} s of audio went well with batches of {before:.0} s: they grow to {current:.0} s{slowly}"
        );
        Some(Decision::new(current, why))
    }

    /// The level near which a budget of `next` would be, where memory ran out there again.
    fn careful(&self, next: f64) -> Option<Failed> {
        self.failed.filter(|failed| failed.times >= AGAIN && next > failed.level * (1.0 - NEAR))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_down_to_one_segment() {
        let mut budget = Budget::new(240.0);
        let halved: Vec<f64> = (0..6).map(|_| budget.on_out_of_memory().action).collect();
        assert_eq!(halved, [120.0, 60.0, 30.0, 15.0, 15.0, 15.0]);
        assert!(budget.is_least());
        assert_eq!(
            budget.on_out_of_memory().why,
            "memory ran out with batches of 15 s, and they cannot be shorter"
        );
    }

    #[test]
    fn a_small_budget_is_its_own_least() {
        let mut budget = Budget::new(10.0);
        assert!(budget.is_least());
        assert_eq!(budget.on_out_of_memory().action, 10.0);
        assert_eq!(budget.on_progress(1e9), None);
    }

    #[test]
    fn grows_back_by_sixteenths_each_after_ten_batches() {
        let mut budget = Budget::new(240.0);
        assert_eq!(budget.on_progress(1e6), None);
        assert_eq!(
            budget.on_out_of_memory().why,
            "memory ran out with batches of 240 s: they are 120 s from now on"
        );
        assert_eq!(budget.on_progress(1199.0), None);
        assert_eq!(budget.on_progress(f64::NAN), None);
        let grown = budget.on_progress(1.0).unwrap();
        assert_eq!(grown.action, 135.0);
        assert_eq!(grown.why, "1200 s of audio went well with batches of 120 s: they grow to 135 s");
        let mut steps = 1;
        while budget.on_progress(10.0 * budget.current()).is_some() {
            steps += 1;
        }
        assert_eq!((steps, budget.current()), (8, 240.0));
    }

    /// An engine whose memory runs out above so many seconds: how often does it, in so much audio?
    fn failures(budget: &mut Budget, above: f64, audio_seconds: f64) -> usize {
        let (mut done, mut failures) = (0.0, 0);
        while done < audio_seconds {
            if budget.current() > above {
                budget.on_out_of_memory();
                failures += 1;
            } else {
                budget.on_progress(30.0);
                done += 30.0;
            }
        }
        failures
    }

    #[test]
    fn gets_careful_where_memory_ran_out_again() {
        let mut careful = Budget::new(240.0);
        failures(&mut careful, 150.0, 40_000.0);
        assert!(careful.failed.unwrap().times >= AGAIN, "{careful:?}");
        let seen = failures(&mut careful, 150.0, 200_000.0);
        // From 77 s a careless budget needs 6 steps, of 7,000 s of audio in all.
        let mut careless = Budget::new(240.0);
        let mut unlearned = 0;
        for _ in 0..200 {
            careless.failed = None;
            unlearned += failures(&mut careless, 150.0, 1_000.0);
        }
        assert!(unlearned > 20 && seen <= 5, "{seen} and {unlearned}");
        assert!(careful.current() > 130.0, "{careful:?}");
    }

    #[test]
    fn forgets_a_level_that_it_works_above() {
        let mut budget = Budget::new(240.0);
        failures(&mut budget, 150.0, 100_000.0);
        assert_eq!(failures(&mut budget, 1e9, 2_000_000.0), 0);
        assert_eq!(budget.current(), 240.0);
        assert_eq!(budget.failed, None);
    }

    proptest! {
        #[test]
        fn stays_between_least_and_most(max in 1.0..4000.0, happenings in prop::collection::vec(0.0..1e5_f64, 1..200)) {
            let mut budget = Budget::new(max);
            for happening in happenings {
                if happening < 2e4 { budget.on_out_of_memory(); } else { budget.on_progress(happening); }
                prop_assert!(budget.current() <= max && budget.current() >= LEAST_SECONDS.min(max));
            }
        }
    }
}
