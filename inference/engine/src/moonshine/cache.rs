//! What the decoder knows of each sequence in flight: keys, values, tokens so far.

use super::attention::{KeysValues, Quantised, attend_floats};
use verbatim_models::prepare::rotary;
use verbatim_models::prepare::shape::{HEAD, HEADS, HIDDEN, LAYERS, MAX_TOKENS, ROTARY};

/// One sequence that is being decoded.
struct Sequence {
    cross: Vec<Quantised>,
    own: Vec<KeysValues<f32>>,
    /// Tokens chosen so far.
    tokens: Vec<u32>,
    /// Refuse a token that would repeat this many tokens in a row; 0: allow all.
    no_repeat: usize,
}

/// All sequences in flight, by row.
pub(super) struct Cache {
    rows: Vec<Option<Sequence>>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    scores: Vec<f32>,
}

/// A row that is not in the cache, or a sequence that has no room left: a fault of the caller.
#[derive(Debug, thiserror::Error)]
#[error("row {0} is not in the decoder's cache or has no room left")]
pub(super) struct NoSuchRow(i64);

impl Cache {
    pub(super) fn new() -> Self {
        let (cos, sin) = rotary::tables(MAX_TOKENS);
        Self { rows: Vec::new(), cos, sin, scores: Vec::new() }
    }

    /// Takes a sequence in and gives its row.
    ///
    /// `cross` is the encoder's output `[T, 2·LAYERS·HIDDEN]`; at most `budget` tokens will be asked for.
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

    /// Forgets a sequence.
    pub(super) fn remove(&mut self, row: usize) {
        if let Some(slot) = self.rows.get_mut(row) {
            *slot = None;
        }
    }

    /// Starts a sequence again from its first token, with repetitions of `no_repeat` tokens refused.
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

    /// Attention of the newest token to the sequence's own tokens. `qkv` is `[3·HIDDEN]`, `out` `[HIDDEN]`.
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
            // Block by block: few sequences need the tokens that their length allows.
            kv.grow();
        }
        let half = ROTARY / 2;
        let (cos, sin) = (&self.cos[position * half..][..half], &self.sin[position * half..][..half]);
        let (mut query, mut key) = ([0.0; HIDDEN], [0.0; HIDDEN]);
        turn(&qkv[..HIDDEN], cos, sin, &mut query);
        turn(&qkv[HIDDEN..2 * HIDDEN], cos, sin, &mut key);
        kv.set_key(position, &key, |_, x| x);
        kv.set_value(position, &qkv[2 * HIDDEN..], |_, x| x);
        kv.length += 1;
        attend_floats(kv, &query, out, &mut self.scores);
        Ok(())
    }

    /// Attention of the newest token to the audio. `query` and `out` are `[HIDDEN]`.
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

    /// Chooses the sequence's next token: its number and the natural logarithm of its probability.
    pub(super) fn choose(&mut self, row: i64, logits: &[f32]) -> Result<(u32, f32), NoSuchRow> {
        let sequence = Self::find(&mut self.rows, row)?;
        let choice = super::greedy::choose(logits, &sequence.tokens, sequence.no_repeat);
        sequence.tokens.push(choice.0);
        Ok(choice)
    }
}

/// Rotary position embedding: turns the first `ROTARY` dimensions of each head, in interleaved pairs.
fn turn(x: &[f32], cos: &[f32], sin: &[f32], out: &mut [f32; HIDDEN]) {
    out.copy_from_slice(x);
    for head in 0..HEADS {
        for pair in 0..ROTARY / 2 {
            let at = head * HEAD + 2 * pair;
            out[at] = x[at] * cos[pair] - x[at + 1] * sin[pair];
            out[at + 1] = x[at + 1] * cos[pair] + x[at] * sin[pair];
        }
    }
}
