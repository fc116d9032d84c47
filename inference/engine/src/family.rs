//! What every model family offers: utterances in, texts out, some steps later.

use std::error::Error;

use verbatim_protocol::Arena;

/// What was recognised in one utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognition {
    /// The text; empty where nothing was said.
    pub text: String,
    /// Mean natural logarithm of the probability of each token; 0 for an empty text.
    pub avg_logprob: f64,
}

/// The model failed; the utterances in flight are lost, the process may be damaged.
#[derive(Debug, thiserror::Error)]
#[error("failed to {step}")]
pub struct RecognizeError {
    /// What was being done, as "run the encoder".
    pub step: &'static str,
    /// What the runtime said.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Lengths of utterances that a model takes, at 16 kHz: `first + n · step` samples, up to `max_seconds`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// Samples of the shortest utterance.
    pub first: usize,
    /// Samples between one length and the next.
    pub step: usize,
    /// Longest utterance in seconds.
    pub max_seconds: f64,
}

impl Lengths {
    /// The greatest length that the model takes and that is no more than `samples`; the shortest for less than that.
    ///
    /// Cut, and not filled up with silence: what is cut is less than a segment's padding, and the model hears nothing
    /// that is not in the recording. See "Finding speech" in docs/benchmarks.md for what both give.
    pub fn fitted(&self, samples: usize) -> usize {
        self.first + samples.saturating_sub(self.first) / self.step * self.step
    }
}

/// A loaded model that one thread owns. Work is continuous: utterances join and leave between steps.
///
/// A recognition depends on the utterance alone, never on what else is in flight.
pub trait Family: Send {
    /// What the model takes.
    fn lengths(&self) -> Lengths;

    /// Takes utterances in: a number of the caller's for each, and 16 kHz samples of a length that
    /// [`Lengths::fitted`] gave. The caller keeps the sum of seconds in flight within its budget.
    ///
    /// # Errors
    /// The runtime's; nothing of this call is in flight then.
    fn admit(&mut self, utterances: &[(u64, &[f32])]) -> Result<(), RecognizeError>;

    /// One step for all utterances in flight; those that are finished leave.
    ///
    /// # Errors
    /// The runtime's; all that was in flight is lost.
    fn step(&mut self) -> Result<Vec<(u64, Recognition)>, RecognizeError>;

    /// Lets everything in flight go.
    fn forget(&mut self);

    /// Ends a call's work: nothing is in flight, and the memory that it took is given back now.
    fn rest(&mut self);

    /// Padding that went through the model since this was last asked, in seconds of audio.
    fn padding_seconds(&mut self) -> f64 {
        0.0
    }

    /// What the runtime's memory pools hold; none where it does not tell.
    fn arena(&self) -> Option<Arena> {
        None
    }

    /// Gives memory back to the system as far as the runtime can, with the next run: called when a file is done.
    fn shrink(&mut self);
}
