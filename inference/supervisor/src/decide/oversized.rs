//! Whether it is the batches, and not a leak, that took an engine above its soft limit: to replace it would then help for a
//! minute. Takes what it did and how it grew; gives yes or no.

use super::Decision;

/// Full batches below which an engine has no time to leak much: an engine that passes the limit before is too large by
/// its work alone. As many as the budget needs to grow by a step.
pub const BATCHES: f64 = 10.0;

/// Whether batches are too large, for an engine that passed its soft limit after `audio_seconds` of audio, with batches of
/// `budget_seconds`, growing by `growth_per_file` bytes; 0 where it does not clearly grow.
pub fn oversized(audio_seconds: f64, budget_seconds: f64, growth_per_file: f64) -> Option<Decision<()>> {
    let early = audio_seconds < BATCHES * budget_seconds;
    (early && growth_per_file <= 0.0).then(|| {
        let why = format!(
            "it passed the soft limit after {audio_seconds:.0} s of audio without growing from file to file,"
        );
        Decision::new((), why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_and_without_growth() {
        for (audio, budget, growth, is) in [
            (0.0, 240.0, 0.0, true),
            (2_399.0, 240.0, 0.0, true),
            (2_400.0, 240.0, 0.0, false),
            (600.0, 240.0, 20e6, false),
            (600.0, 15.0, 0.0, false),
        ] {
            assert_eq!(oversized(audio, budget, growth).is_some(), is, "{audio} {budget} {growth}");
        }
    }
}
