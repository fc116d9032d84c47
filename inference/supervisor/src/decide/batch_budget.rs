//! Batch budget: the seconds of segments in the model at once. Takes the events of memory running out and the
//! audio processed without them; halves the budget at once and grows it back slowly. Additive increase,
//! multiplicative decrease as in TCP (D.-M. Chiu and R. Jain, 1989), with a memory of the level that failed.

use crate::decide::Decision;

/// Minimum budget, in seconds: one segment of the greatest length that the VAD allows.
pub const MIN_SECONDS: f64 = 15.0;

/// Steps from 0 to the maximum. From half of the maximum, 8 steps lead back.
const STEPS: f64 = 16.0;

/// Full batches that have to succeed before a step. Batches differ in padding and length of text: ten include
/// the usual ones. From half of 240 s the way back takes 14,000 s of audio, minutes of work.
const BATCHES: f64 = 10.0;

/// Relative difference below which two levels count as the same. A failed level is also forgotten once the
/// budget works this far above it.
const NEAR: f64 = 0.1;

/// Times that memory has to run out near a level before steps get smaller there: once is an accident.
const REPEATED: u32 = 2;

/// Divisor of steps near a level where memory ran out repeatedly: they end closer below the level.
const SMALL_STEP: f64 = 4.0;

/// Most doublings of the audio required before a small step, one for each time that memory ran out there
/// again. Each time costs an engine, while a budget a tenth below the level costs next to nothing. 6
/// doublings are 64 times the audio, about 90,000 s near 140 s: a level with a passing cause is left behind
/// within hours.
const MAX_DOUBLINGS: u32 = 6;

/// Batch budget, in seconds of segments with their padding.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchBudget {
    max: f64,
    current: f64,
    minimum: f64,
    /// Audio processed since the last change of the budget, in seconds.
    processed: f64,
    failed: Option<FailedLevel>,
}

/// Budget at which memory ran out.
#[derive(Clone, Copy, Debug, PartialEq)]
struct FailedLevel {
    level: f64,
    times: u32,
}

impl BatchBudget {
    /// A budget of `max` seconds, which it never exceeds.
    pub fn new(max: f64) -> Self {
        Self { max, current: max, minimum: MIN_SECONDS.min(max), processed: 0.0, failed: None }
    }

    /// The current budget, in seconds.
    pub fn current(&self) -> f64 {
        self.current
    }

    /// Whether the budget cannot be reduced any more: a file that runs out of memory alone now always will.
    pub fn is_minimum(&self) -> bool {
        self.current <= self.minimum
    }

    /// Halves the budget since memory ran out, down to the minimum. The action is the new budget.
    pub fn on_out_of_memory(&mut self) -> Decision<f64> {
        self.halve("memory ran out")
    }

    /// Halves the budget since batches alone took an engine above its soft limit; `cause` says so.
    pub fn on_oversized_batches(&mut self, cause: &str) -> Decision<f64> {
        self.halve(cause)
    }

    fn halve(&mut self, cause: &str) -> Decision<f64> {
        let before = self.current;
        let again = self.failed.filter(|failed| (before - failed.level).abs() <= NEAR * failed.level);
        self.failed = Some(match again {
            // The lower of the two is the safer one.
            Some(failed) => {
                FailedLevel { level: failed.level.min(before), times: failed.times.saturating_add(1) }
            }
            None => FailedLevel { level: before, times: 1 },
        });
        self.current = (before / 2.0).max(self.minimum);
        self.processed = 0.0;
        let why = if self.current < before {
            format!("{cause} with batches of {before:.0} s: batches of {:.0} s from now on", self.current)
        } else {
            format!("{cause} with batches of {before:.0} s, which cannot be shorter")
        };
        Decision::new(self.current, why)
    }

    /// Counts audio processed without running out of memory. The action is the new budget, if it grows.
    pub fn on_progress(&mut self, audio_seconds: f64) -> Option<Decision<f64>> {
        if self.current >= self.max {
            return None;
        }
        self.processed += audio_seconds.max(0.0);
        let before = self.current;
        let step = self.max / STEPS;
        let near_failed = self.repeatedly_failed_near(before + step);
        let doublings = near_failed.map_or(0, |failed| (failed.times - REPEATED).min(MAX_DOUBLINGS));
        let required = BATCHES * before * f64::from(1 << doublings);
        if self.processed < required {
            return None;
        }
        self.current = (before + if near_failed.is_some() { step / SMALL_STEP } else { step }).min(self.max);
        self.processed = 0.0;
        self.failed = self.failed.filter(|failed| before <= failed.level * (1.0 + NEAR));
        let slowly = near_failed.map_or_else(String::new, |failed| {
            format!(" in small steps, since memory ran out {} times near {:.0} s", failed.times, failed.level)
        });
        let current = self.current;
        let why = format!(
            "{required:.0} s of audio succeeded with batches of {before:.0} s: \
             they grow to {current:.0} s{slowly}"
        );
        Some(Decision::new(current, why))
    }

    /// The failed level that a budget of `next` would be near, if memory ran out there repeatedly.
    fn repeatedly_failed_near(&self, next: f64) -> Option<FailedLevel> {
        self.failed.filter(|failed| failed.times >= REPEATED && next > failed.level * (1.0 - NEAR))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_down_to_one_segment() {
        let mut budget = BatchBudget::new(240.0);
        let halved: Vec<f64> = (0..6).map(|_| budget.on_out_of_memory().action).collect();
        assert_eq!(halved, [120.0, 60.0, 30.0, 15.0, 15.0, 15.0]);
        assert!(budget.is_minimum());
        assert_eq!(
            budget.on_out_of_memory().why,
            "memory ran out with batches of 15 s, which cannot be shorter"
        );
    }

    #[test]
    fn a_maximum_below_one_segment_is_the_minimum() {
        let mut budget = BatchBudget::new(10.0);
        assert!(budget.is_minimum());
        assert_eq!(budget.on_out_of_memory().action, 10.0);
        assert_eq!(budget.on_progress(1e9), None);
    }

    #[test]
    fn grows_by_a_sixteenth_after_ten_batches() {
        let mut budget = BatchBudget::new(240.0);
        assert_eq!(budget.on_progress(1e6), None);
        assert_eq!(
            budget.on_out_of_memory().why,
            "memory ran out with batches of 240 s: batches of 120 s from now on"
        );
        assert_eq!(budget.on_progress(1199.0), None);
        assert_eq!(budget.on_progress(f64::NAN), None);
        let grown = budget.on_progress(1.0).unwrap();
        assert_eq!(grown.action, 135.0);
        assert_eq!(grown.why, "1200 s of audio succeeded with batches of 120 s: they grow to 135 s");
        let mut steps = 1;
        while budget.on_progress(10.0 * budget.current()).is_some() {
            steps += 1;
        }
        assert_eq!((steps, budget.current()), (8, 240.0));
    }

    /// Number of times that memory runs out within some audio, in an engine that fails above a budget.
    fn failures(budget: &mut BatchBudget, above: f64, audio_seconds: f64) -> usize {
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
    fn takes_small_steps_where_memory_ran_out_repeatedly() {
        let mut careful = BatchBudget::new(240.0);
        failures(&mut careful, 150.0, 40_000.0);
        assert!(careful.failed.unwrap().times >= REPEATED, "{careful:?}");
        let learned = failures(&mut careful, 150.0, 200_000.0);
        // Without this memory, a budget needs 6 steps from 77 s, 7,000 s of audio in all.
        let mut forgetful = BatchBudget::new(240.0);
        let mut unlearned = 0;
        for _ in 0..200 {
            forgetful.failed = None;
            unlearned += failures(&mut forgetful, 150.0, 1_000.0);
        }
        assert!(unlearned > 20 && learned <= 5, "{learned} and {unlearned}");
        assert!(careful.current() > 130.0, "{careful:?}");
    }

    #[test]
    fn forgets_a_failed_level_once_it_works_above_it() {
        let mut budget = BatchBudget::new(240.0);
        failures(&mut budget, 150.0, 100_000.0);
        assert_eq!(failures(&mut budget, 1e9, 2_000_000.0), 0);
        assert_eq!(budget.current(), 240.0);
        assert_eq!(budget.failed, None);
    }

    proptest! {
        #[test]
        fn stays_between_minimum_and_maximum(
            max in 1.0..4000.0,
            events in prop::collection::vec(0.0..1e5_f64, 1..200),
        ) {
            let mut budget = BatchBudget::new(max);
            for event in events {
                if event < 2e4 { budget.on_out_of_memory(); } else { budget.on_progress(event); }
                prop_assert!(budget.current() <= max && budget.current() >= MIN_SECONDS.min(max));
            }
        }
    }
}
