//! Moonshine's recognizer on a CPU, with continuous batching.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use ort::session::Session;
use ort::value::TensorRef;
use verbatim_protocol::ArenaStats;

use crate::moonshine::cpu::decoder_cache::DecoderCache;
use crate::moonshine::cpu::operators::{self, SharedCache};
use crate::moonshine::hypothesis::{Hypothesis, NO_REPEAT, NextStep};
use crate::moonshine::input_length::{FIRST_FRAME, LENGTHS};
use crate::moonshine::shared::{LoadError, SharedModel};
use crate::onnx_runtime::arena::OrtArena;
use crate::onnx_runtime::provider::Provider;
use crate::onnx_runtime::runtime::Runtime;
use crate::recognizer::{Recognition, RecognizeError, Recognizer, UtteranceLengths};

/// Sequence that is being decoded, and its row in the cache.
struct Row {
    hypothesis: Hypothesis,
    row: usize,
}

/// Sessions of one inference worker, and the sequences that it decodes.
pub struct CpuRecognizer {
    shared: Arc<SharedModel>,
    /// Before the sessions, because fields are dropped in order.
    arenas: Vec<OrtArena>,
    encoder: Session,
    decoder: Session,
    cache: SharedCache,
    rows: Vec<Row>,
    runtime: Arc<Runtime>,
    shrink_next: bool,
}

impl CpuRecognizer {
    /// Creates the sessions from the graphs in `folder`.
    ///
    /// # Errors
    /// [`LoadError`] if a graph is missing or unsuitable.
    pub fn new(runtime: &Arc<Runtime>, folder: &Path, shared: &Arc<SharedModel>) -> Result<Self, LoadError> {
        let cache = Arc::new(Mutex::new(DecoderCache::new()));
        let domain = operators::domain(&cache).map_err(LoadError::Operators)?;
        let encoder = runtime.session(&folder.join("encoder.onnx"), Some(&shared.encoder_weights), None)?;
        let decoder =
            runtime.session(&folder.join("decoder.onnx"), Some(&shared.decoder_weights), Some(domain))?;
        Ok(Self {
            arenas: [&encoder, &decoder].into_iter().filter_map(OrtArena::of).collect(),
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
            match row.hypothesis.push(*token as u32, f64::from(*logprob)) {
                NextStep::Continue => return true,
                NextStep::Restart => {
                    cache.restart(row.row, NO_REPEAT);
                    return true;
                }
                NextStep::Finish => cache.remove(row.row),
            }
            finished.push((row.hypothesis.id, row.hypothesis.recognition(&self.shared.tokenizer)));
            false
        });
        self.shrink_next = false;
        Ok(finished)
    }

    /// Drops all utterances in flight.
    fn clear(&mut self) {
        if let Ok(mut cache) = self.cache.lock() {
            self.rows.iter().for_each(|row| cache.remove(row.row));
        }
        self.rows.clear();
    }
}

fn lock(cache: &SharedCache) -> ort::Result<MutexGuard<'_, DecoderCache>> {
    cache.lock().map_err(|e| ort::Error::new(e.to_string()))
}

impl Recognizer for CpuRecognizer {
    fn lengths(&self) -> UtteranceLengths {
        LENGTHS
    }

    fn admit(&mut self, utterances: &[(u64, &[f32])]) -> Result<(), RecognizeError> {
        for (id, samples) in utterances {
            if let Err(error) = self.encode(*id, samples) {
                self.rows.retain(|row| !utterances.iter().any(|(id, _)| *id == row.hypothesis.id));
                return Err(RecognizeError::at("run the encoder")(error));
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
            self.clear();
        }
        finished.map_err(RecognizeError::at("run the decoder"))
    }

    fn release_memory(&mut self) {
        self.clear();
        // The runtime returns memory at the end of a run, so do the shortest one. If it fails, the next run
        // will too.
        self.shrink_next = true;
        if self.encode(0, &[0.0; FIRST_FRAME]).is_ok() {
            let _ = self.decode();
        }
        self.clear();
    }

    fn arena(&self) -> Option<ArenaStats> {
        ArenaStats::sum(self.arenas.iter().filter_map(OrtArena::stats))
    }

    fn shrink_on_next_run(&mut self) {
        self.shrink_next = true;
    }
}
