//! Interface of every model: utterances in, texts out some steps later.

use std::error::Error;

use verbatim_protocol::ArenaStats;

/// Recognised text of one utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognition {
    /// Text; empty if nothing was said.
    pub text: String,
    /// Mean natural logarithm of the token probabilities; 0 for an empty text.
    pub avg_logprob: f64,
}

/// Failure of the model. The utterances in flight are lost, and the process may be damaged.
#[derive(Debug, thiserror::Error)]
#[error("failed to {step}")]
pub struct RecognizeError {
    /// Step that failed, for example "run the encoder".
    pub step: &'static str,
    /// Error of the runtime.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl RecognizeError {
    /// Wraps an error of the runtime.
    pub(crate) fn at(step: &'static str) -> impl FnOnce(ort::Error) -> Self {
        move |source| Self { step, source: Box::new(source) }
    }
}

/// Lengths of utterances that a model accepts, at 16 kHz: `first + n · step` samples, up to `max_seconds`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UtteranceLengths {
    /// Samples of the shortest utterance.
    pub first: usize,
    /// Samples between one length and the next.
    pub step: usize,
    /// Longest utterance in seconds.
    pub max_seconds: f64,
}

impl UtteranceLengths {
    /// Longest accepted length of at most `samples`; the shortest accepted length if there is none.
    ///
    /// Utterances are cut instead of padded with silence: the cut is shorter than the padding of a segment,
    /// and the model gets nothing that is not in the recording. "Voice activity detection" in
    /// docs/benchmarks.md compares both.
    pub fn fit(&self, samples: usize) -> usize {
        self.first + samples.saturating_sub(self.first) / self.step * self.step
    }
}

/// Loaded model, owned by one thread. Batching is continuous: utterances join and leave between steps.
///
/// The recognition of an utterance never depends on what else is in flight.
pub trait Recognizer: Send {
    /// Lengths of utterances that the model accepts.
    fn lengths(&self) -> UtteranceLengths;

    /// Adds utterances: an identifier chosen by the caller, and 16 kHz samples of a length from
    /// [`UtteranceLengths::fit`]. The caller keeps the total length in flight within its budget.
    ///
    /// # Errors
    /// Errors of the runtime. None of these utterances is in flight then.
    fn admit(&mut self, utterances: &[(u64, &[f32])]) -> Result<(), RecognizeError>;

    /// Runs one step for all utterances in flight and returns the finished ones.
    ///
    /// # Errors
    /// Errors of the runtime. All utterances in flight are lost.
    fn step(&mut self) -> Result<Vec<(u64, Recognition)>, RecognizeError>;

    /// Drops all utterances in flight and returns their memory to the system now. Called when the model
    /// becomes idle.
    fn release_memory(&mut self);

    /// Padding that went through the model since the last call, in seconds of audio.
    fn take_padding_seconds(&mut self) -> f64 {
        0.0
    }

    /// Size of the runtime's memory arenas; `None` if the runtime reports none.
    fn arena(&self) -> Option<ArenaStats> {
        None
    }

    /// Makes the next run return memory to the system, as far as the runtime can. Called when a file is done.
    fn shrink_on_next_run(&mut self);
}
