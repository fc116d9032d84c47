//! Sequence that is being decoded: tokens so far, end, restart after a loop, text.

use verbatim_models::moonshine::shape::MAX_TOKENS;

use crate::audio::SAMPLE_RATE;
use crate::moonshine::greedy;
use crate::moonshine::tokenizer::{BEGIN, END, Tokenizer};
use crate::recognizer::Recognition;

/// Maximum tokens per second of audio. Source: the vendor's engine; speech has 3 to 4.
const TOKENS_PER_SECOND: f64 = 6.5;
/// Length of token runs that must not be repeated in the second decode of a segment, after a loop in the
/// first one.
pub(super) const NO_REPEAT: usize = 3;

/// Sequence that is being decoded.
pub(super) struct Hypothesis {
    pub(super) id: u64,
    pub(super) tokens: Vec<u32>,
    budget: usize,
    logprob: f64,
    restarted: bool,
}

/// What follows a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The sequence continues.
    Continue,
    /// The sequence fell into a loop: it restarts from its first token, without repeated runs of
    /// [`NO_REPEAT`] tokens.
    Restart,
    /// The sequence is complete.
    Finish,
}

impl Hypothesis {
    /// Starts a sequence for an utterance of this many samples.
    pub(super) fn new(id: u64, samples: usize) -> Self {
        let seconds = samples as f64 / f64::from(SAMPLE_RATE);
        let budget = ((seconds * TOKENS_PER_SECOND).ceil() as usize).min(MAX_TOKENS);
        Self { id, tokens: Vec::new(), budget, logprob: 0.0, restarted: false }
    }

    /// Maximum number of tokens.
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// Whether this is the second decode.
    pub(super) fn restarted(&self) -> bool {
        self.restarted
    }

    /// Token that the next step starts from.
    pub(super) fn last(&self) -> i64 {
        i64::from(self.tokens.last().copied().unwrap_or(BEGIN))
    }

    /// Adds a token with the natural logarithm of its probability.
    pub(super) fn push(&mut self, token: u32, logprob: f64) -> NextStep {
        self.logprob += logprob;
        if token == END {
            return NextStep::Finish;
        }
        self.tokens.push(token);
        if self.tokens.len() >= self.budget {
            return NextStep::Finish;
        }
        match greedy::is_loop(&self.tokens) {
            false => NextStep::Continue,
            true if self.restarted => NextStep::Finish,
            true => {
                self.tokens.clear();
                self.logprob = 0.0;
                self.restarted = true;
                NextStep::Restart
            }
        }
    }

    /// Text and score.
    pub(super) fn recognition(&self, tokenizer: &Tokenizer) -> Recognition {
        let text = tokenizer.text(&self.tokens);
        // The probability of the end token counts too, as in whisper's score.
        let count = self.tokens.len() + 1;
        let avg_logprob = if text.is_empty() { 0.0 } else { self.logprob / count as f64 };
        Recognition { text, avg_logprob }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_ends_at_its_end_token_or_its_budget() {
        let mut sequence = Hypothesis::new(7, 16_000);
        assert_eq!((sequence.budget(), sequence.last()), (7, i64::from(BEGIN)));
        assert_eq!(sequence.push(40, -0.5), NextStep::Continue);
        assert_eq!(sequence.last(), 40);
        assert_eq!(sequence.push(END, -0.5), NextStep::Finish);
        let mut sequence = Hypothesis::new(7, 16_000);
        let steps: Vec<NextStep> = (10..17).map(|token| sequence.push(token, -0.1)).collect();
        assert_eq!(steps[..6], [NextStep::Continue; 6]);
        assert_eq!(steps[6], NextStep::Finish);
    }

    #[test]
    fn a_loop_is_decoded_again_once() {
        let mut sequence = Hypothesis::new(7, 160_000);
        let mut last = || (0..8).map(|_| sequence.push(9, -0.1)).collect::<Vec<_>>();
        assert_eq!(last()[6..], [NextStep::Continue, NextStep::Restart]);
        assert_eq!(last()[6..], [NextStep::Continue, NextStep::Finish]);
        assert!(sequence.restarted());
    }
}
