//! Moonshine on a GPU: whole batches, padded, step by step together.
//!
//! A GPU does one row's step in nearly the time of many, so there is one lane, with batches as large as the budget
//! allows. What arrives while a batch is in flight waits; then all that waits is sorted by length and cut into
//! batches, which run one after the other, so that nothing can starve.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::super::audio::SAMPLE_RATE;
use super::super::cuda::Provider;
use super::super::family::{Family, Lengths, Recognition, RecognizeError};
use super::super::runtime::Runtime;
use super::graphs::{Caches, Graphs};
use super::hypothesis::{Hypothesis, NO_REPEAT, Taken};
use super::tokenizer::END;
use super::{FIRST_FRAME, FRAME, LENGTHS, LoadError, Shared, buckets, failed, greedy};
use verbatim_models::prepare::BATCH_FRAMES;

/// An utterance on its way: its samples are kept for the second decode of what fell into a loop.
struct Utterance {
    hypothesis: Hypothesis,
    samples: Vec<f32>,
}

/// A batch in flight: row by row the utterances that are not complete; rows without one are dead weight.
struct Flying {
    rows: Vec<Option<Utterance>>,
    caches: Caches,
    position: usize,
}

/// A GPU's lane.
pub struct Batched {
    runtime: Arc<Runtime>,
    shared: Arc<Shared>,
    provider: Provider,
    graphs: Graphs,
    /// Frames of a batch, each row counted as long as the longest.
    room: usize,
    waiting: Vec<Utterance>,
    batches: VecDeque<Vec<Utterance>>,
    flying: Option<Flying>,
    shrink_next: bool,
    /// Padding that nobody has asked for yet.
    padding_samples: usize,
}

/// Frames that the encoder makes of so many samples.
fn frames(samples: usize) -> usize {
    samples.saturating_sub(FIRST_FRAME) / FRAME + 1
}

impl Batched {
    /// Makes the sessions from the batch graphs in `folder`, on `provider`.
    ///
    /// `max_padded_seconds` bounds a batch: its rows, each counted as long as the longest.
    ///
    /// # Errors
    /// The runtime's, when a graph is missing, or the provider does not start.
    pub fn new(
        runtime: &Arc<Runtime>,
        folder: &Path,
        shared: &Arc<Shared>,
        provider: Provider,
        max_padded_seconds: f64,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            runtime: runtime.clone(),
            shared: shared.clone(),
            graphs: Graphs::load(runtime, folder, &provider)?,
            provider,
            room: (max_padded_seconds * f64::from(SAMPLE_RATE)) as usize / FRAME,
            waiting: Vec::new(),
            batches: VecDeque::new(),
            flying: None,
            shrink_next: false,
            padding_samples: 0,
        })
    }

    /// The next batch, if any waits.
    fn next_batch(&mut self) -> Option<Vec<Utterance>> {
        if self.batches.is_empty() {
            let lengths: Vec<usize> = self.waiting.iter().map(|u| frames(u.samples.len())).collect();
            let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().map(Some).collect();
            for batch in buckets::batches(&lengths, self.room) {
                self.batches.push_back(batch.iter().filter_map(|&i| waiting[i].take()).collect());
            }
        }
        self.batches.pop_front()
    }

    /// Runs the encoder on a batch.
    fn launch(&mut self, batch: Vec<Utterance>) -> ort::Result<Flying> {
        let longest = batch.iter().map(|u| frames(u.samples.len())).max().unwrap_or(1);
        let padded = buckets::frames(longest, BATCH_FRAMES);
        let rows = buckets::rows(batch.len());
        // One sample more than the last window needs: the graph cuts rows of 64.
        let width = FIRST_FRAME + 1 + (padded - 1) * FRAME;
        let mut samples = vec![0.0; rows * width];
        // A row without an utterance has one frame of silence, so that no mean is over nothing.
        let mut counts = vec![1; rows];
        for ((utterance, row), count) in batch.iter().zip(samples.chunks_exact_mut(width)).zip(&mut counts) {
            row[..utterance.samples.len()].copy_from_slice(&utterance.samples);
            *count = frames(utterance.samples.len()) as i64;
        }
        let heard: usize = batch.iter().map(|utterance| utterance.samples.len()).sum();
        self.padding_samples += samples.len().saturating_sub(heard);
        let options = self.runtime.run_options(self.shrink_next, &self.provider)?;
        let caches = self.graphs.encode(samples, counts, &options)?;
        let mut rows_of: Vec<_> = batch.into_iter().map(Some).collect();
        rows_of.resize_with(rows, || None);
        Ok(Flying { rows: rows_of, caches, position: 0 })
    }

    /// One step of the batch in flight.
    fn decode(&mut self, mut flying: Flying) -> ort::Result<Vec<(u64, Recognition)>> {
        let options = self.runtime.run_options(self.shrink_next, &self.provider)?;
        self.shrink_next = false;
        let tokens =
            flying.rows.iter().map(|r| r.as_ref().map_or(END.into(), |u| u.hypothesis.last())).collect();
        // What is decoded for the second time chooses on the host, where its tokens are; it is rare.
        let careful = flying.rows.iter().flatten().any(|u| u.hypothesis.again());
        let chosen = self.graphs.step(&mut flying.caches, tokens, flying.position, careful, &options)?;
        flying.position += 1;
        let vocabulary = chosen.logits.len() / flying.rows.len();
        let (mut finished, mut again) = (Vec::new(), Vec::new());
        for (index, row) in flying.rows.iter_mut().enumerate() {
            let Some(utterance) = row else { continue };
            let hypothesis = &mut utterance.hypothesis;
            let (token, logprob) = if careful {
                let logits = &chosen.logits[index * vocabulary..][..vocabulary];
                greedy::choose(logits, &hypothesis.tokens, NO_REPEAT)
            } else {
                (chosen.next[index] as u32, chosen.logprobs[index])
            };
            match hypothesis.take(token, f64::from(logprob)) {
                Taken::Goes => {}
                Taken::Again => again.extend(row.take()),
                Taken::Done => {
                    finished.push((hypothesis.id, hypothesis.recognition(&self.shared.tokenizer)));
                    *row = None;
                }
            }
        }
        if !again.is_empty() {
            // By themselves: all rows of a batch are at the same position.
            self.batches.push_back(again);
        }
        self.flying = self.pack(flying)?;
        Ok(finished)
    }

    /// Drops the complete rows once half of the batch's rows can go.
    fn pack(&mut self, flying: Flying) -> ort::Result<Option<Flying>> {
        let live: Vec<i64> =
            (0..flying.rows.len()).filter(|&i| flying.rows[i].is_some()).map(|i| i as i64).collect();
        if live.is_empty() {
            return Ok(None);
        }
        let rows = buckets::rows(live.len());
        if rows >= flying.rows.len() {
            return Ok(Some(flying));
        }
        let mut kept = live.clone();
        // The last row again fills what is left of the shape.
        kept.resize(rows, live[live.len() - 1]);
        let options = self.runtime.run_options(false, &self.provider)?;
        let caches = self.graphs.keep(&flying.caches, &kept, &options)?;
        let mut rows_of: Vec<_> = flying.rows.into_iter().flatten().map(Some).collect();
        rows_of.resize_with(rows, || None);
        Ok(Some(Flying { rows: rows_of, caches, position: flying.position }))
    }
}

impl Family for Batched {
    fn lengths(&self) -> Lengths {
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
        let flying = match self.flying.take() {
            Some(flying) => flying,
            None => {
                let Some(batch) = self.next_batch() else { return Ok(Vec::new()) };
                self.launch(batch).map_err(|error| {
                    self.forget();
                    failed("run the encoder")(error)
                })?
            }
        };
        self.decode(flying).map_err(|error| {
            self.forget();
            failed("run the decoder")(error)
        })
    }

    fn forget(&mut self) {
        self.waiting.clear();
        self.batches.clear();
        self.flying = None;
    }

    fn rest(&mut self) {
        self.forget();
        // A batch of the smallest bucket: memory is given back when its run ends.
        self.shrink_next = true;
        let silence = vec![0.0; self.lengths().first];
        if self.admit(&[(0, &silence)]).is_ok() {
            let _ = self.step();
        }
        self.forget();
    }

    fn padding_seconds(&mut self) -> f64 {
        std::mem::take(&mut self.padding_samples) as f64 / f64::from(SAMPLE_RATE)
    }

    fn shrink(&mut self) {
        self.shrink_next = true;
    }
}
