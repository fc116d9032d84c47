//! Moonshine's recognizer on a GPU, with padded batches.
//!
//! A GPU decodes one row in nearly the time of many, so there is one inference worker, with batches as large
//! as the budget allows. Utterances that arrive while a batch is in flight wait. Then all that wait are
//! sorted by length and split into batches, which run one after another, so that none can starve.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use verbatim_models::moonshine::GPU_FRAMES;

use crate::audio::SAMPLE_RATE;
use crate::moonshine::gpu::batch_plan;
use crate::moonshine::gpu::graphs::{Caches, Graphs};
use crate::moonshine::greedy;
use crate::moonshine::hypothesis::{Hypothesis, NO_REPEAT, NextStep};
use crate::moonshine::input_length::{FIRST_FRAME, FRAME, LENGTHS, frames};
use crate::moonshine::shared::{LoadError, SharedModel};
use crate::moonshine::tokenizer::END;
use crate::onnx_runtime::provider::Provider;
use crate::onnx_runtime::runtime::Runtime;
use crate::recognizer::{Recognition, RecognizeError, Recognizer, UtteranceLengths};

/// Utterance in the recognizer. Its samples are kept for a second decode in case the first one falls into a
/// loop.
struct Utterance {
    hypothesis: Hypothesis,
    samples: Vec<f32>,
}

/// Batch in flight.
struct RunningBatch {
    /// Unfinished utterances by row; `None` for a finished or an empty row.
    rows: Vec<Option<Utterance>>,
    caches: Caches,
    position: usize,
}

/// Sessions of the GPU's inference worker, and its batches.
pub struct GpuRecognizer {
    runtime: Arc<Runtime>,
    shared: Arc<SharedModel>,
    provider: Provider,
    graphs: Graphs,
    /// Maximum frames of a batch, with each row counted as long as the longest.
    max_frames: usize,
    waiting: Vec<Utterance>,
    batches: VecDeque<Vec<Utterance>>,
    running: Option<RunningBatch>,
    shrink_next: bool,
    /// Padding since the last call of [`Recognizer::take_padding_seconds`].
    padding_samples: usize,
}

impl GpuRecognizer {
    /// Creates the sessions from the batch graphs in `folder`, on `provider`.
    ///
    /// `max_padded_seconds` limits a batch, with each row counted as long as the longest.
    ///
    /// # Errors
    /// [`LoadError::Runtime`] if a graph is missing, or the provider does not start.
    pub fn new(
        runtime: &Arc<Runtime>,
        folder: &Path,
        shared: &Arc<SharedModel>,
        provider: Provider,
        max_padded_seconds: f64,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            runtime: runtime.clone(),
            shared: shared.clone(),
            graphs: Graphs::load(runtime, folder, &provider)?,
            provider,
            max_frames: (max_padded_seconds * f64::from(SAMPLE_RATE)) as usize / FRAME,
            waiting: Vec::new(),
            batches: VecDeque::new(),
            running: None,
            shrink_next: false,
            padding_samples: 0,
        })
    }

    /// Next batch, if there is one.
    fn next_batch(&mut self) -> Option<Vec<Utterance>> {
        if self.batches.is_empty() {
            let lengths: Vec<usize> = self.waiting.iter().map(|u| frames(u.samples.len())).collect();
            let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().map(Some).collect();
            for batch in batch_plan::split(&lengths, self.max_frames) {
                self.batches.push_back(batch.iter().filter_map(|&i| waiting[i].take()).collect());
            }
        }
        self.batches.pop_front()
    }

    /// Runs the encoder on a batch.
    fn start(&mut self, batch: Vec<Utterance>) -> ort::Result<RunningBatch> {
        let longest = batch.iter().map(|u| frames(u.samples.len())).max().unwrap_or(1);
        let padded = batch_plan::padded_frames(longest, GPU_FRAMES);
        let rows = batch_plan::padded_rows(batch.len());
        // One sample more than the last window needs, because the graph splits the samples into rows of 64.
        let width = FIRST_FRAME + 1 + (padded - 1) * FRAME;
        let mut samples = vec![0.0; rows * width];
        // A row without an utterance has one frame of silence, so that no mean is over zero frames.
        let mut counts = vec![1; rows];
        for ((utterance, row), count) in batch.iter().zip(samples.chunks_exact_mut(width)).zip(&mut counts) {
            row[..utterance.samples.len()].copy_from_slice(&utterance.samples);
            *count = frames(utterance.samples.len()) as i64;
        }
        let unpadded: usize = batch.iter().map(|utterance| utterance.samples.len()).sum();
        self.padding_samples += samples.len().saturating_sub(unpadded);
        let options = self.runtime.run_options(self.shrink_next, &self.provider)?;
        let caches = self.graphs.encode(samples, counts, &options)?;
        let mut rows_of: Vec<_> = batch.into_iter().map(Some).collect();
        rows_of.resize_with(rows, || None);
        Ok(RunningBatch { rows: rows_of, caches, position: 0 })
    }

    /// Runs one step of the batch in flight.
    fn decode(&mut self, mut running: RunningBatch) -> ort::Result<Vec<(u64, Recognition)>> {
        let options = self.runtime.run_options(self.shrink_next, &self.provider)?;
        self.shrink_next = false;
        let tokens =
            running.rows.iter().map(|r| r.as_ref().map_or(END.into(), |u| u.hypothesis.last())).collect();
        // The choice in a second decode needs the tokens so far, so it is made on the host. It is rare.
        let second_decode = running.rows.iter().flatten().any(|u| u.hypothesis.restarted());
        let chosen =
            self.graphs.step(&mut running.caches, tokens, running.position, second_decode, &options)?;
        running.position += 1;
        let vocabulary = chosen.logits.len() / running.rows.len();
        let (mut finished, mut restarted) = (Vec::new(), Vec::new());
        for (index, row) in running.rows.iter_mut().enumerate() {
            let Some(utterance) = row else { continue };
            let hypothesis = &mut utterance.hypothesis;
            let (token, logprob) = if second_decode {
                let logits = &chosen.logits[index * vocabulary..][..vocabulary];
                greedy::choose(logits, &hypothesis.tokens, NO_REPEAT)
            } else {
                (chosen.next[index] as u32, chosen.logprobs[index])
            };
            match hypothesis.push(token, f64::from(logprob)) {
                NextStep::Continue => {}
                NextStep::Restart => restarted.extend(row.take()),
                NextStep::Finish => {
                    finished.push((hypothesis.id, hypothesis.recognition(&self.shared.tokenizer)));
                    *row = None;
                }
            }
        }
        if !restarted.is_empty() {
            // A batch of their own, because all rows of a batch are at the same position.
            self.batches.push_back(restarted);
        }
        self.running = self.compact(running)?;
        Ok(finished)
    }

    /// Drops finished rows once that halves the number of rows.
    fn compact(&mut self, running: RunningBatch) -> ort::Result<Option<RunningBatch>> {
        let live: Vec<i64> =
            (0..running.rows.len()).filter(|&i| running.rows[i].is_some()).map(|i| i as i64).collect();
        if live.is_empty() {
            return Ok(None);
        }
        let rows = batch_plan::padded_rows(live.len());
        if rows >= running.rows.len() {
            return Ok(Some(running));
        }
        let mut kept = live.clone();
        // Copies of the last row fill the shape.
        kept.resize(rows, live[live.len() - 1]);
        let options = self.runtime.run_options(false, &self.provider)?;
        let caches = self.graphs.keep(&running.caches, &kept, &options)?;
        let mut rows_of: Vec<_> = running.rows.into_iter().flatten().map(Some).collect();
        rows_of.resize_with(rows, || None);
        Ok(Some(RunningBatch { rows: rows_of, caches, position: running.position }))
    }

    /// Drops all utterances in flight.
    fn clear(&mut self) {
        self.waiting.clear();
        self.batches.clear();
        self.running = None;
    }
}

impl Recognizer for GpuRecognizer {
    fn lengths(&self) -> UtteranceLengths {
        LENGTHS
    }

    fn admit(&mut self, utterances: &[(u64, &[f32])]) -> Result<(), RecognizeError> {
        self.waiting.extend(utterances.iter().map(|(id, samples)| Utterance {
            hypothesis: Hypothesis::new(*id, samples.len()),
            samples: samples.to_vec(),
        }));
        Ok(())
    }

    fn step(&mut self) -> Result<Vec<(u64, Recognition)>, RecognizeError> {
        let running = match self.running.take() {
            Some(running) => running,
            None => {
                let Some(batch) = self.next_batch() else { return Ok(Vec::new()) };
                self.start(batch).map_err(|error| {
                    self.clear();
                    RecognizeError::at("run the encoder")(error)
                })?
            }
        };
        self.decode(running).map_err(|error| {
            self.clear();
            RecognizeError::at("run the decoder")(error)
        })
    }

    fn release_memory(&mut self) {
        self.clear();
        // The runtime returns memory at the end of a run, so do one of the smallest shape.
        self.shrink_next = true;
        let silence = vec![0.0; self.lengths().first];
        if self.admit(&[(0, &silence)]).is_ok() {
            let _ = self.step();
        }
        self.clear();
    }

    fn take_padding_seconds(&mut self) -> f64 {
        std::mem::take(&mut self.padding_samples) as f64 / f64::from(SAMPLE_RATE)
    }

    fn shrink_on_next_run(&mut self) {
        self.shrink_next = true;
    }
}
