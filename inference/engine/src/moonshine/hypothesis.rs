//! One sequence that is being decoded: when it ends, when it is decoded again, what it says.

use super::super::audio::SAMPLE_RATE;
use super::super::family::Recognition;
use super::greedy;
use super::tokenizer::{BEGIN, END, Tokenizer};
use verbatim_models::prepare::shape::MAX_TOKENS;

/// Most tokens a second of audio. Source: the vendor's engine; speech has 3 to 4.
const TOKENS_PER_SECOND: f64 = 6.5;
/// Tokens in a row that the second decode of a segment may not repeat, after the first one fell into a loop.
pub(super) const NO_REPEAT: usize = 3;

/// One sequence that is being decoded.
pub(super) struct Hypothesis {
    pub(super) id: u64,
    pub(super) tokens: Vec<u32>,
    budget: usize,
    logprob: f64,
    again: bool,
}

/// What a token did to a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It goes on.
    Goes,
    /// It fell into a loop, and starts again from its first token, with repetitions of [`NO_REPEAT`] tokens refused.
    Again,
    /// It is complete.
    Done,
}

impl Hypothesis {
    /// A sequence for an utterance of so many samples.
    pub(super) fn new(id: u64, samples: usize) -> Self {
        let seconds = samples as f64 / f64::from(SAMPLE_RATE);
        let budget = ((seconds * TOKENS_PER_SECOND).ceil() as usize).min(MAX_TOKENS);
        Self { id, tokens: Vec::new(), budget, logprob: 0.0, again: false }
    }

    /// Most tokens that it gets.
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// Whether it is decoded for the second time.
    pub(super) fn again(&self) -> bool {
        self.again
    }

    /// The token that the next step starts from.
    pub(super) fn last(&self) -> i64 {
        i64::from(self.tokens.last().copied().unwrap_or(BEGIN))
    }

    /// Adds a token and the natural logarithm of its probability.
    pub(super) fn take(&mut self, token: u32, logprob: f64) -> Taken {
        self.logprob += logprob;
        if token == END {
            return Taken::Done;
        }
        self.tokens.push(token);
        if self.tokens.len() >= self.budget {
            return Taken::Done;
        }
        match greedy::is_loop(&self.tokens) {
            false => Taken::Goes,
            true if self.again => Taken::Done,
            true => {
                self.tokens.clear();
                self.logprob = 0.0;
                self.again = true;
                Taken::Again
            }
        }
    }

    /// What it says.
    pub(super) fn recognition(&self, tokenizer: &Tokenizer) -> Recognition {
        let text = tokenizer.text(&self.tokens);
        // The end token was chosen too, where there is one; its probability counts, as in whisper's figure.
        let count = self.tokens.len() + 1;
        let avg_logprob = if text.is_empty() { 0.0 } else { self.logprob / count as f64 };
        Recognition { text, avg_logprob }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_ends_by_its_end_token_or_its_budget() {
        let mut sequence = Hypothesis::new(7, 16_000);
        assert_eq!((sequence.budget(), sequence.last()), (7, i64::from(BEGIN)));
        assert_eq!(sequence.take(40, -0.5), Taken::Goes);
        assert_eq!(sequence.last(), 40);
        assert_eq!(sequence.take(END, -0.5), Taken::Done);
        let mut sequence = Hypothesis::new(7, 16_000);
        let taken: Vec<Taken> = (10..17).map(|token| sequence.take(token, -0.1)).collect();
        assert_eq!(taken[..6], [Taken::Goes; 6]);
        assert_eq!(taken[6], Taken::Done);
    }

    #[test]
    fn a_loop_is_decoded_again_once() {
        let mut sequence = Hypothesis::new(7, 160_000);
        let mut last = || (0..8).map(|_| sequence.take(9, -0.1)).collect::<Vec<_>>();
        assert_eq!(last()[6..], [Taken::Goes, Taken::Again]);
        assert_eq!(last()[6..], [Taken::Goes, Taken::Done]);
        assert!(sequence.again());
    }
}
