//! What every model family offers: utterances in, texts out, some steps later.

use std::error::Error;

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

/// A loaded model that one thread owns. Work is continuous: utterances join and leave between steps.
///
/// A recognition depends on the utterance alone, never on what else is in flight.
pub trait Family: Send {
    /// Longest utterance that the model takes, in seconds.
    fn max_seconds(&self) -> f64;

    /// The least number of samples, at 16 kHz, that the model takes and that is no less than `samples`.
    fn padded_length(&self, samples: usize) -> usize;

    /// Takes utterances in: a number of the caller's for each, and 16 kHz samples of a length that `padded_length`
    /// gave. The caller keeps the sum of seconds in flight within its budget.
    ///
    /// # Errors
    /// The runtime's; nothing of this call is in flight then.
    fn admit(&mut self, utterances: &[(u64, &[f32])]) -> Result<(), RecognizeError>;

    /// One step for all utterances in flight; those that are finished leave.
    ///
    /// # Errors
    /// The runtime's; all that was in flight is lost.
    fn step(&mut self) -> Result<Vec<(u64, Recognition)>, RecognizeError>;

    /// Gives memory back to the system as far as the runtime can: called when a file is done.
    fn shrink(&mut self);
}
