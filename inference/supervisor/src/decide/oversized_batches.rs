//! Oversized batches: whether batches rather than a leak took an engine above its soft limit. Replacing the
//! engine would help for a minute only. Takes its audio and growth; gives yes or no.

use crate::decide::Decision;

/// Full batches before which an engine cannot have leaked much: an engine that passes the limit earlier is
/// too large because of its batches. As many as the budget needs to grow by a step.
pub const BATCHES: f64 = 10.0;

/// Whether batches are too large for an engine that passed its soft limit after `audio_seconds` of audio,
/// with batches of `budget_seconds` and a growth of `growth_per_file` bytes; 0 where it does not clearly
/// grow.
pub fn oversized_batches(
    audio_seconds: f64,
    budget_seconds: f64,
    growth_per_file: f64,
) -> Option<Decision<()>> {
    let early = audio_seconds < BATCHES * budget_seconds;
    (early && growth_per_file <= 0.0).then(|| {
        let why = format!(
            "above the soft limit after {audio_seconds:.0} s of audio, without growth from file to file,"
        );
        Decision::new((), why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_excess_without_growth() {
        for (audio, budget, growth, is) in [
            (0.0, 240.0, 0.0, true),
            (2_399.0, 240.0, 0.0, true),
            (2_400.0, 240.0, 0.0, false),
            (600.0, 240.0, 20e6, false),
            (600.0, 15.0, 0.0, false),
        ] {
            assert_eq!(oversized_batches(audio, budget, growth).is_some(), is, "{audio} {budget} {growth}");
        }
    }
}
