//! Attention of one query to the keys and values of one row, head by head.
//!
//! Keys are stored in blocks of `LANES` positions, dimension by dimension, so that one load serves `LANES`
//! scores. Values are stored position by position. Both belong to one row, without padding or mask, so that
//! the result of a row cannot depend on its batch.

use multiversion::multiversion;

use verbatim_models::moonshine::shape::{HEAD, HEADS, HIDDEN};

use crate::moonshine::math::{LANES, exponentials, largest};

/// Keys and values of one layer of one row.
pub(super) struct KeysValues<T> {
    /// Number of positions in use.
    pub(super) length: usize,
    /// Capacity of each head, in blocks of positions.
    blocks: usize,
    /// `[HEADS][blocks][HEAD][LANES]`
    keys: Vec<T>,
    /// `[HEADS][blocks · LANES][HEAD]`
    values: Vec<T>,
}

impl<T: Copy + Default> KeysValues<T> {
    /// Allocates at least `capacity` positions.
    pub(super) fn new(capacity: usize) -> Self {
        let blocks = capacity.div_ceil(LANES);
        let size = HIDDEN * blocks * LANES;
        Self { length: 0, blocks, keys: vec![T::default(); size], values: vec![T::default(); size] }
    }

    pub(super) fn capacity(&self) -> usize {
        self.blocks * LANES
    }

    /// Adds one block of positions.
    pub(super) fn grow(&mut self) {
        let mut larger = Self::new(self.capacity() + LANES);
        let (old, new) = (self.blocks * LANES * HEAD, larger.blocks * LANES * HEAD);
        for head in 0..HEADS {
            larger.keys[head * new..][..old].copy_from_slice(&self.keys[head * old..][..old]);
            larger.values[head * new..][..old].copy_from_slice(&self.values[head * old..][..old]);
        }
        larger.length = self.length;
        *self = larger;
    }

    /// Stores the key of a position, converted element by element.
    pub(super) fn set_key(&mut self, position: usize, key: &[f32], convert: impl Fn(usize, f32) -> T) {
        let (block, lane) = (position / LANES, position % LANES);
        for (i, value) in key.iter().enumerate() {
            let (head, d) = (i / HEAD, i % HEAD);
            self.keys[((head * self.blocks + block) * HEAD + d) * LANES + lane] = convert(i, *value);
        }
    }

    /// Stores the value of a position, converted element by element.
    pub(super) fn set_value(&mut self, position: usize, value: &[f32], convert: impl Fn(usize, f32) -> T) {
        for (head, part) in value.chunks_exact(HEAD).enumerate() {
            let at = (head * self.capacity() + position) * HEAD;
            for (d, (slot, value)) in self.values[at..at + HEAD].iter_mut().zip(part).enumerate() {
                *slot = convert(head * HEAD + d, *value);
            }
        }
    }
}

/// Keys and values as bytes, with a scale for each dimension of each head.
pub(super) struct Quantised {
    pub(super) kv: KeysValues<i8>,
    key_scale: [f32; HIDDEN],
    value_scale: [f32; HIDDEN],
}

impl Quantised {
    /// Quantises rows of `stride` elements that hold a key at `key_at` and a value at `value_at`, each of
    /// length `HIDDEN`.
    pub(super) fn new(rows: &[f32], stride: usize, key_at: usize, value_at: usize) -> Self {
        let length = rows.len() / stride;
        let mut kv = KeysValues::new(length);
        kv.length = length;
        let (key_scale, value_scale) = (scales(rows, stride, key_at), scales(rows, stride, value_at));
        quantise(rows, stride, key_at, value_at, &mut kv, &inverse(&key_scale), &inverse(&value_scale));
        Self { kv, key_scale, value_scale }
    }

    /// Computes the attention of `query` into `out`, both `[HEADS · HEAD]`; `scores` is scratch.
    pub(super) fn attend(&self, query: &[f32], out: &mut [f32], scores: &mut Vec<f32>) {
        let mut scaled = [0.0; HIDDEN];
        for (s, (q, k)) in scaled.iter_mut().zip(query.iter().zip(&self.key_scale)) {
            *s = q * k;
        }
        attend_bytes(&self.kv, &scaled, out, scores);
        for (o, v) in out.iter_mut().zip(&self.value_scale) {
            *o *= v;
        }
    }
}

fn inverse(scales: &[f32; HIDDEN]) -> [f32; HIDDEN] {
    scales.map(|s| if s > 0.0 { 1.0 / s } else { 0.0 })
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn scales(rows: &[f32], stride: usize, at: usize) -> [f32; HIDDEN] {
    let mut top = [0.0f32; HIDDEN];
    for row in rows.chunks_exact(stride) {
        for (t, value) in top.iter_mut().zip(&row[at..at + HIDDEN]) {
            let magnitude = value.abs();
            *t = if magnitude > *t { magnitude } else { *t };
        }
    }
    top.map(|t| t / 127.0)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn quantise(
    rows: &[f32],
    stride: usize,
    key_at: usize,
    value_at: usize,
    kv: &mut KeysValues<i8>,
    key_inverse: &[f32; HIDDEN],
    value_inverse: &[f32; HIDDEN],
) {
    for (position, row) in rows.chunks_exact(stride).enumerate() {
        kv.set_key(position, &row[key_at..key_at + HIDDEN], |i, x| byte(x * key_inverse[i]));
        kv.set_value(position, &row[value_at..value_at + HIDDEN], |i, x| byte(x * value_inverse[i]));
    }
}

/// Nearest signed byte of a value in -127..=127, ties to even: the low bits of its sum with 1.5 · 2^23.
#[inline(always)]
fn byte(x: f32) -> i8 {
    (x + 12_582_912.0).to_bits() as i8
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn attend_bytes(kv: &KeysValues<i8>, query: &[f32], out: &mut [f32], scores: &mut Vec<f32>) {
    attend(kv, query, out, scores);
}

/// Computes the attention of `query` into `out`, both `[HEADS · HEAD]`; `scores` is scratch.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn attend_floats(kv: &KeysValues<f32>, query: &[f32], out: &mut [f32], scores: &mut Vec<f32>) {
    attend(kv, query, out, scores);
}

#[inline(always)]
fn attend<T: Copy + Into<f32>>(kv: &KeysValues<T>, query: &[f32], out: &mut [f32], scores: &mut Vec<f32>) {
    let used = kv.length.div_ceil(LANES);
    scores.resize(used * LANES, 0.0);
    for head in 0..HEADS {
        let query = &query[head * HEAD..(head + 1) * HEAD];
        let keys = &kv.keys[head * kv.blocks * HEAD * LANES..][..used * HEAD * LANES];
        for (block, scores) in keys.chunks_exact(HEAD * LANES).zip(scores.chunks_exact_mut(LANES)) {
            let mut sums = [0.0f32; LANES];
            for (keys, q) in block.as_chunks::<LANES>().0.iter().zip(query) {
                for i in 0..LANES {
                    let k: f32 = keys[i].into();
                    sums[i] += q * k;
                }
            }
            scores.copy_from_slice(&sums);
        }
        let scores = &mut scores[..kv.length];
        let top = largest(scores);
        let total = exponentials(scores, top);
        let values = &kv.values[head * kv.blocks * LANES * HEAD..][..kv.length * HEAD];
        // 36 dimensions are a full block of lanes and a short remainder.
        let (mut wide, mut rest) = ([0.0f32; LANES], [0.0f32; HEAD - LANES]);
        for (values, p) in values.as_chunks::<HEAD>().0.iter().zip(scores.iter()) {
            for i in 0..LANES {
                let v: f32 = values[i].into();
                wide[i] += p * v;
            }
            for i in 0..HEAD - LANES {
                let v: f32 = values[LANES + i].into();
                rest[i] += p * v;
            }
        }
        let out = &mut out[head * HEAD..(head + 1) * HEAD];
        for (o, sum) in out.iter_mut().zip(wide.iter().chain(&rest)) {
            *o = sum / total;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reproducible pseudo-random values between -1 and 1.
    fn noise(seed: usize, length: usize) -> Vec<f32> {
        (0..length).map(|i| ((seed * 7919 + i) as f32 * 12.9898).sin()).collect()
    }

    fn reference(keys: &[Vec<f32>], values: &[Vec<f32>], query: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; HIDDEN];
        for head in 0..HEADS {
            let range = head * HEAD..(head + 1) * HEAD;
            let score = |k: &Vec<f32>| -> f32 {
                k[range.clone()].iter().zip(&query[range.clone()]).map(|(a, b)| a * b).sum()
            };
            let weights: Vec<f32> = keys.iter().map(|k| score(k).exp()).collect();
            let total: f32 = weights.iter().sum();
            for (w, v) in weights.iter().zip(values) {
                for i in range.clone() {
                    out[i] += w / total * v[i];
                }
            }
        }
        out
    }

    #[test]
    fn attention_matches_the_reference_for_all_lengths() {
        for length in [1, 2, 31, 32, 33, 70] {
            let keys: Vec<_> = (0..length).map(|i| noise(i, HIDDEN)).collect();
            let values: Vec<_> = (0..length).map(|i| noise(i + 1000, HIDDEN)).collect();
            let query = noise(5000, HIDDEN);
            let expected = reference(&keys, &values, &query);

            let mut kv = KeysValues::new(1);
            for i in 0..length {
                if i == kv.capacity() {
                    kv.grow();
                }
                kv.set_key(i, &keys[i], |_, x| x);
                kv.set_value(i, &values[i], |_, x| x);
            }
            kv.length = length;
            let (mut out, mut scores) = (vec![0.0; HIDDEN], Vec::new());
            attend_floats(&kv, &query, &mut out, &mut scores);
            for (a, b) in out.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-5, "length {length}: {a} and {b}");
            }

            let rows: Vec<f32> =
                keys.iter().zip(&values).flat_map(|(k, v)| k.iter().chain(v).copied()).collect();
            Quantised::new(&rows, 2 * HIDDEN, 0, HIDDEN).attend(&query, &mut out, &mut scores);
            for (a, b) in out.iter().zip(&expected) {
                assert!((a - b).abs() < 0.03, "bytes, length {length}: {a} and {b}");
            }
        }
    }
}
