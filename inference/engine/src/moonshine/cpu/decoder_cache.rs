//! Cache of the decoder: keys, values and tokens of each sequence in flight.

use verbatim_models::moonshine::rotary;
use verbatim_models::moonshine::shape::{HEAD, HEADS, HIDDEN, LAYERS, MAX_TOKENS, ROTARY};

use crate::moonshine::cpu::attention::{KeysValues, Quantised, attend_floats};
use crate::moonshine::greedy;

/// Sequence that is being decoded.
struct Sequence {
    /// Keys and values of the audio, by layer.
    cross: Vec<Quantised>,
    /// Keys and values of the tokens, by layer.
    own: Vec<KeysValues<f32>>,
    /// Tokens chosen so far.
    tokens: Vec<u32>,
    /// Length of token runs that must not be repeated; 0: no restriction.
    no_repeat: usize,
}

/// All sequences in flight, by row.
pub(super) struct DecoderCache {
    rows: Vec<Option<Sequence>>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    scores: Vec<f32>,
}

/// The row is not in the cache, or its sequence is full: an error of the caller.
#[derive(Debug, thiserror::Error)]
#[error("row {0} is not in the decoder's cache or has no room left")]
pub(super) struct NoSuchRow(i64);

impl DecoderCache {
    pub(super) fn new() -> Self {
        let (cos, sin) = rotary::tables(MAX_TOKENS);
        Self { rows: Vec::new(), cos, sin, scores: Vec::new() }
    }

    /// Adds a sequence and returns its row.
    ///
    /// `cross` is the encoder's output `[T, 2·LAYERS·HIDDEN]`; `budget` is the maximum number of tokens.
    pub(super) fn insert(&mut self, cross: &[f32], budget: usize, no_repeat: usize) -> usize {
        let stride = 2 * LAYERS * HIDDEN;
        let sequence = Sequence {
            cross: (0..LAYERS)
                .map(|layer| Quantised::new(cross, stride, layer * HIDDEN, (LAYERS + layer) * HIDDEN))
                .collect(),
            own: (0..LAYERS).map(|_| KeysValues::new(1)).collect(),
            tokens: Vec::with_capacity(budget),
            no_repeat,
        };
        match self.rows.iter().position(Option::is_none) {
            Some(row) => {
                self.rows[row] = Some(sequence);
                row
            }
            None => {
                self.rows.push(Some(sequence));
                self.rows.len() - 1
            }
        }
    }

    /// Removes a sequence.
    pub(super) fn remove(&mut self, row: usize) {
        if let Some(slot) = self.rows.get_mut(row) {
            *slot = None;
        }
    }

    /// Restarts a sequence from its first token, without repeated runs of `no_repeat` tokens.
    pub(super) fn restart(&mut self, row: usize, no_repeat: usize) {
        if let Some(Some(sequence)) = self.rows.get_mut(row) {
            sequence.own.iter_mut().for_each(|kv| kv.length = 0);
            sequence.tokens.clear();
            sequence.no_repeat = no_repeat;
        }
    }

    fn find(rows: &mut [Option<Sequence>], row: i64) -> Result<&mut Sequence, NoSuchRow> {
        let index = usize::try_from(row).map_err(|_| NoSuchRow(row))?;
        rows.get_mut(index).and_then(Option::as_mut).ok_or(NoSuchRow(row))
    }

    /// Attention of the last token to the tokens of its sequence. `qkv` is `[3·HIDDEN]`, `out` `[HIDDEN]`.
    pub(super) fn attend_own(
        &mut self,
        row: i64,
        layer: usize,
        qkv: &[f32],
        out: &mut [f32],
    ) -> Result<(), NoSuchRow> {
        let sequence = Self::find(&mut self.rows, row)?;
        let kv = sequence.own.get_mut(layer).ok_or(NoSuchRow(row))?;
        let position = kv.length;
        if position >= MAX_TOKENS {
            return Err(NoSuchRow(row));
        }
        if position == kv.capacity() {
            // Grows block by block: few sequences reach the maximum number of tokens.
            kv.grow();
        }
        let half = ROTARY / 2;
        let (cos, sin) = (&self.cos[position * half..][..half], &self.sin[position * half..][..half]);
        let (mut query, mut key) = ([0.0; HIDDEN], [0.0; HIDDEN]);
        rotate(&qkv[..HIDDEN], cos, sin, &mut query);
        rotate(&qkv[HIDDEN..2 * HIDDEN], cos, sin, &mut key);
        kv.set_key(position, &key, |_, x| x);
        kv.set_value(position, &qkv[2 * HIDDEN..], |_, x| x);
        kv.length += 1;
        attend_floats(kv, &query, out, &mut self.scores);
        Ok(())
    }

    /// Attention of the last token to the audio. `query` and `out` are `[HIDDEN]`.
    pub(super) fn attend_audio(
        &mut self,
        row: i64,
        layer: usize,
        query: &[f32],
        out: &mut [f32],
    ) -> Result<(), NoSuchRow> {
        let sequence = Self::find(&mut self.rows, row)?;
        sequence.cross.get(layer).ok_or(NoSuchRow(row))?.attend(query, out, &mut self.scores);
        Ok(())
    }

    /// Chooses the next token of a sequence: its number and the natural logarithm of its probability.
    pub(super) fn choose(&mut self, row: i64, logits: &[f32]) -> Result<(u32, f32), NoSuchRow> {
        let sequence = Self::find(&mut self.rows, row)?;
        let choice = greedy::choose(logits, &sequence.tokens, sequence.no_repeat);
        sequence.tokens.push(choice.0);
        Ok(choice)
    }
}

/// Rotary position embedding: rotates the first `ROTARY` dimensions of each head, in interleaved pairs.
fn rotate(x: &[f32], cos: &[f32], sin: &[f32], out: &mut [f32; HIDDEN]) {
    out.copy_from_slice(x);
    for head in 0..HEADS {
        for pair in 0..ROTARY / 2 {
            let at = head * HEAD + 2 * pair;
            out[at] = x[at] * cos[pair] - x[at + 1] * sin[pair];
            out[at + 1] = x[at + 1] * cos[pair] + x[at] * sin[pair];
        }
    }
}
