//! Moonshine: a transformer over raw audio, decoded greedily with a cache; continuously batched on a CPU, and whole
//! batches at a time on a GPU.

mod attention;
pub mod batched;
mod buckets;
mod cache;
mod graphs;
mod greedy;
mod hypothesis;
mod math;
mod operators;
mod tokenizer;

use std::path::Path;
use std::sync::{Arc, Mutex};

use ort::session::Session;
use ort::value::TensorRef;

use self::hypothesis::{Hypothesis, NO_REPEAT, Taken};
use self::tokenizer::Tokenizer;
pub use self::tokenizer::TokenizerError;
use super::arena::Pool;
use super::cuda::Provider;
use super::family::{Family, Lengths, Recognition, RecognizeError};
use super::runtime::{Runtime, RuntimeError};
use verbatim_protocol::Arena;

/// Samples of the shortest input, and between two frames of the encoder. Source: the three convolutions (windows of
/// 127, 7 and 3, strides of 64, 3 and 2), with lengths that leave nothing over.
const FIRST_FRAME: usize = 895;
const FRAME: usize = 384;
/// Longest utterance. Source: the vendor's own cut; attention grows with the square of the length.
const MAX_SECONDS: f64 = 15.0;
/// What the model takes.
const LENGTHS: Lengths = Lengths { first: FIRST_FRAME, step: FRAME, max_seconds: MAX_SECONDS };

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

/// One sequence that is being decoded, and its row in the cache.
struct Row {
    hypothesis: Hypothesis,
    row: usize,
}

/// A lane: one thread's sessions and the rows that it decodes.
pub struct Moonshine {
    shared: Arc<Shared>,
    /// Before the sessions: what is first goes first.
    pools: Vec<Pool>,
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
        let encoder = runtime.session(&folder.join("encoder.onnx"), Some(&shared.encoder_weights), None)?;
        let decoder =
            runtime.session(&folder.join("decoder.onnx"), Some(&shared.decoder_weights), Some(domain))?;
        Ok(Self {
            pools: [&encoder, &decoder].into_iter().filter_map(Pool::of).collect(),
            encoder,
            decoder,
            shared: shared.clone(),
            cache,
            rows: Vec::new(),
            runtime: runtime.clone(),
            shrink_next: false,
        })
    }

    fn encode(&mut self, id: u64, samples: &[f32]) -> ort::Result<()> {
        let input = TensorRef::from_array_view(([1, samples.len()], samples))?;
        let options = self.runtime.run_options(self.shrink_next, &Provider::Cpu)?;
        let outputs = self.encoder.run_with_options(ort::inputs!["samples" => input], &options)?;
        let (_, cross) = outputs["cross"].try_extract_tensor::<f32>()?;
        let hypothesis = Hypothesis::new(id, samples.len());
        let row = lock(&self.cache)?.insert(cross, hypothesis.budget(), 0);
        self.rows.push(Row { hypothesis, row });
        Ok(())
    }

    fn decode(&mut self) -> ort::Result<Vec<(u64, Recognition)>> {
        let tokens: Vec<i64> = self.rows.iter().map(|r| r.hypothesis.last()).collect();
        let rows: Vec<i64> = self.rows.iter().map(|r| r.row as i64).collect();
        let inputs = ort::inputs![
            "tokens" => TensorRef::from_array_view(([tokens.len()], tokens.as_slice()))?,
            "rows" => TensorRef::from_array_view(([rows.len()], rows.as_slice()))?,
        ];
        let options = self.runtime.run_options(self.shrink_next, &Provider::Cpu)?;
        let outputs = self.decoder.run_with_options(inputs, &options)?;
        let (_, next) = outputs["next"].try_extract_tensor::<i64>()?;
        let (_, logprobs) = outputs["logprob"].try_extract_tensor::<f32>()?;
        let mut cache = lock(&self.cache)?;
        let mut finished = Vec::new();
        let mut chosen = next.iter().zip(logprobs);
        self.rows.retain_mut(|row| {
            let Some((token, logprob)) = chosen.next() else { return true };
            match row.hypothesis.take(*token as u32, f64::from(*logprob)) {
                Taken::Goes => return true,
                Taken::Again => {
                    cache.restart(row.row, NO_REPEAT);
                    return true;
                }
                Taken::Done => cache.remove(row.row),
            }
            finished.push((row.hypothesis.id, row.hypothesis.recognition(&self.shared.tokenizer)));
            false
        });
        self.shrink_next = false;
        Ok(finished)
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
        LENGTHS
    }

    fn admit(&mut self, utterances: &[(u64, &[f32])]) -> Result<(), RecognizeError> {
        for (id, samples) in utterances {
            if let Err(error) = self.encode(*id, samples) {
                self.rows.retain(|row| !utterances.iter().any(|(id, _)| *id == row.hypothesis.id));
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

    fn rest(&mut self) {
        self.forget();
        // Memory is given back at the end of a run: the shortest one will do. Should it fail, the next call tells.
        self.shrink_next = true;
        if self.encode(0, &[0.0; FIRST_FRAME]).is_ok() {
            let _ = self.decode();
        }
        self.forget();
    }

    fn arena(&self) -> Option<Arena> {
        self.pools.iter().filter_map(Pool::read).reduce(|all, pool| Arena {
            in_use: all.in_use + pool.in_use,
            reserved: all.reserved + pool.reserved,
        })
    }

    fn shrink(&mut self) {
        self.shrink_next = true;
    }
}
