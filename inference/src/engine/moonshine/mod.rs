//! Moonshine: a transformer over raw audio, decoded greedily with a cache, continuously batched.

mod attention;
mod cache;
mod greedy;
mod math;
mod operators;
mod tokenizer;

use std::path::Path;
use std::sync::{Arc, Mutex};

use ort::session::Session;
use ort::value::TensorRef;

pub use self::tokenizer::TokenizerError;
use self::tokenizer::{BEGIN, END, Tokenizer};
use super::family::{Family, Lengths, Recognition, RecognizeError};
use super::runtime::{Runtime, RuntimeError};
use crate::prepare::shape::MAX_TOKENS;

/// Samples of the shortest input, and between two frames of the encoder. Source: the three convolutions (windows of
/// 127, 7 and 3, strides of 64, 3 and 2), with lengths that leave nothing over.
const FIRST_FRAME: usize = 895;
const FRAME: usize = 384;
/// Most tokens a second of audio. Source: the vendor's engine; speech has 3 to 4.
const TOKENS_PER_SECOND: f64 = 6.5;
/// Tokens in a row that the second decode of a segment may not repeat, after the first one fell into a loop.
const NO_REPEAT: usize = 3;
/// Longest utterance. Source: the vendor's own cut; attention grows with the square of the length.
const MAX_SECONDS: f64 = 15.0;

/// What the lanes of one process share: token table and packed weights.
pub struct Shared {
    tokenizer: Tokenizer,
    encoder_weights: ort::session::builder::PrepackedWeights,
    decoder_weights: ort::session::builder::PrepackedWeights,
}

/// Why the model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The token table.
    #[error("failed to load the model")]
    Tokenizer(#[from] TokenizerError),
    /// A session or the operators.
    #[error("failed to load the model")]
    Runtime(#[from] RuntimeError),
    /// The operators.
    #[error("failed to register the decoder's operators")]
    Operators(#[source] ort::Error),
}

impl Shared {
    /// Reads what all lanes share from a prepared model's folder.
    ///
    /// # Errors
    /// A token table that is missing or damaged.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        Ok(Self {
            tokenizer: Tokenizer::load(&folder.join("tokenizer.bin"))?,
            encoder_weights: ort::session::builder::PrepackedWeights::new(),
            decoder_weights: ort::session::builder::PrepackedWeights::new(),
        })
    }
}

/// One sequence that is being decoded.
struct Row {
    id: u64,
    row: usize,
    budget: usize,
    tokens: Vec<u32>,
    logprob: f64,
    again: bool,
}

/// A lane: one thread's sessions and the rows that it decodes.
pub struct Moonshine {
    shared: Arc<Shared>,
    encoder: Session,
    decoder: Session,
    cache: operators::SharedCache,
    rows: Vec<Row>,
    runtime: Arc<Runtime>,
    shrink_next: bool,
}

impl Moonshine {
    /// Makes a lane's sessions.
    ///
    /// # Errors
    /// The runtime's, when a graph is missing or does not fit.
    pub fn new(runtime: &Arc<Runtime>, folder: &Path, shared: &Arc<Shared>) -> Result<Self, LoadError> {
        let cache = Arc::new(Mutex::new(cache::Cache::new()));
        let domain = operators::domain(&cache).map_err(LoadError::Operators)?;
        Ok(Self {
            encoder: runtime.session(&folder.join("encoder.onnx"), Some(&shared.encoder_weights), None)?,
            decoder: runtime.session(
                &folder.join("decoder.onnx"),
                Some(&shared.decoder_weights),
                Some(domain),
            )?,
            shared: shared.clone(),
            cache,
            rows: Vec::new(),
            runtime: runtime.clone(),
            shrink_next: false,
        })
    }

    fn encode(&mut self, id: u64, samples: &[f32]) -> ort::Result<()> {
        let input = TensorRef::from_array_view(([1, samples.len()], samples))?;
        let options = self.runtime.run_options(self.shrink_next)?;
        let outputs = self.encoder.run_with_options(ort::inputs!["samples" => input], &options)?;
        let (_, cross) = outputs["cross"].try_extract_tensor::<f32>()?;
        let seconds = samples.len() as f64 / f64::from(super::audio::SAMPLE_RATE);
        let budget = ((seconds * TOKENS_PER_SECOND).ceil() as usize).min(MAX_TOKENS);
        let row = lock(&self.cache)?.insert(cross, budget, 0);
        self.rows.push(Row { id, row, budget, tokens: Vec::new(), logprob: 0.0, again: false });
        Ok(())
    }

    fn decode(&mut self) -> ort::Result<Vec<(u64, Recognition)>> {
        let tokens: Vec<i64> =
            self.rows.iter().map(|r| i64::from(r.tokens.last().copied().unwrap_or(BEGIN))).collect();
        let rows: Vec<i64> = self.rows.iter().map(|r| r.row as i64).collect();
        let inputs = ort::inputs![
            "tokens" => TensorRef::from_array_view(([tokens.len()], tokens.as_slice()))?,
            "rows" => TensorRef::from_array_view(([rows.len()], rows.as_slice()))?,
        ];
        let options = self.runtime.run_options(self.shrink_next)?;
        let outputs = self.decoder.run_with_options(inputs, &options)?;
        let (_, next) = outputs["next"].try_extract_tensor::<i64>()?;
        let (_, logprobs) = outputs["logprob"].try_extract_tensor::<f32>()?;
        let mut cache = lock(&self.cache)?;
        let mut finished = Vec::new();
        let mut chosen = next.iter().zip(logprobs);
        self.rows.retain_mut(|row| {
            let Some((token, logprob)) = chosen.next() else { return true };
            let done = row.take(*token as u32, f64::from(*logprob));
            if !done && greedy::is_loop(&row.tokens) {
                if !row.again {
                    row.restart();
                    cache.restart(row.row, NO_REPEAT);
                    return true;
                }
            } else if !done {
                return true;
            }
            cache.remove(row.row);
            finished.push((row.id, row.recognition(&self.shared.tokenizer)));
            false
        });
        self.shrink_next = false;
        Ok(finished)
    }
}

impl Row {
    /// Adds a token; whether the sequence is complete.
    fn take(&mut self, token: u32, logprob: f64) -> bool {
        self.logprob += logprob;
        if token == END {
            return true;
        }
        self.tokens.push(token);
        self.tokens.len() >= self.budget
    }

    fn restart(&mut self) {
        self.tokens.clear();
        self.logprob = 0.0;
        self.again = true;
    }

    fn recognition(&self, tokenizer: &Tokenizer) -> Recognition {
        let text = tokenizer.text(&self.tokens);
        // The end token was chosen too, where there is one; its probability counts, as in whisper's figure.
        let count = self.tokens.len() + 1;
        let avg_logprob = if text.is_empty() { 0.0 } else { self.logprob / count as f64 };
        Recognition { text, avg_logprob }
    }
}

fn lock(cache: &operators::SharedCache) -> ort::Result<std::sync::MutexGuard<'_, cache::Cache>> {
    cache.lock().map_err(|e| ort::Error::new(e.to_string()))
}

fn failed(step: &'static str) -> impl FnOnce(ort::Error) -> RecognizeError {
    move |source| RecognizeError { step, source: Box::new(source) }
}

impl Family for Moonshine {
    fn lengths(&self) -> Lengths {
        Lengths { first: FIRST_FRAME, step: FRAME, max_seconds: MAX_SECONDS }
    }

    fn admit(&mut self, utterances: &[(u64, &[f32])]) -> Result<(), RecognizeError> {
        for (id, samples) in utterances {
            if let Err(error) = self.encode(*id, samples) {
                self.rows.retain(|row| !utterances.iter().any(|(id, _)| *id == row.id));
                return Err(failed("run the encoder")(error));
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Vec<(u64, Recognition)>, RecognizeError> {
        if self.rows.is_empty() {
            return Ok(Vec::new());
        }
        let finished = self.decode();
        if finished.is_err() {
            self.forget();
        }
        finished.map_err(failed("run the decoder"))
    }

    fn forget(&mut self) {
        if let Ok(mut cache) = self.cache.lock() {
            self.rows.iter().for_each(|row| cache.remove(row.row));
        }
        self.rows.clear();
    }

    fn shrink(&mut self) {
        self.shrink_next = true;
    }
}
