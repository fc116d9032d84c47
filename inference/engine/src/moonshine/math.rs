//! Arithmetic of the decoder's operators.
//!
//! Sums run over a fixed number of lanes, products are never fused with sums, and the exponential is
//! implemented here: the same input gives the same bits with any vector width, on any machine. The compiler
//! vectorises the loops, once for each instruction set in `multiversion`.

use multiversion::multiversion;

/// Lanes of a sum: two vectors of the largest width, so that additions overlap.
pub(super) const LANES: usize = 32;

/// `e^x` for `x <= 0`, within 2 units in the last place. Inputs below -87, where normal floats end, count as
/// -87.
///
/// Range reduction by powers of two and the polynomial of Cephes' `expf` (Moshier, 1992).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2^23 leaves the nearest integer in the low bits of the sum.
    const MAGIC: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    (p * r * r + r + 1.0) * power
}

#[inline(always)]
fn fold(lanes: [f32; LANES], mut f: impl FnMut(f32, f32) -> f32) -> f32 {
    let mut lanes = lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = f(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Largest value; negative infinity for an empty slice.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane = lane.max(*value);
    }
    fold(lanes, f32::max)
}

/// Replaces each value by `e^(value - top)` and returns their sum.
#[inline(always)]
pub(super) fn exponentials(x: &mut [f32], top: f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = x.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            chunk[i] = exp(chunk[i] - top);
            lanes[i] += chunk[i];
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *value = exp(*value - top);
        *lane += *value;
    }
    fold(lanes, |a, b| a + b)
}

/// Position of the largest logit (the first of equals), and the natural logarithm of its probability.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn greedy(logits: &[f32]) -> (usize, f32) {
    let top = largest(logits);
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = logits.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += exp(chunk[i] - top);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += exp(*value - top);
    }
    let sum = fold(lanes, |a, b| a + b);
    let at = logits.iter().position(|&l| l == top).unwrap_or(0);
    (at, -sum.ln())
}

/// Quantises rows of floats to unsigned bytes around 128, with one scale per row:
/// `x ≈ (byte - 128) · scale`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn quantise_rows(x: &[f32], width: usize, bytes: &mut [u8], scales: &mut [f32]) {
    for ((row, out), scale) in x.chunks_exact(width).zip(bytes.chunks_exact_mut(width)).zip(scales) {
        let top = largest_magnitude(row);
        let inverse = if top > 0.0 { 127.0 / top } else { 0.0 };
        for (byte, value) in out.iter_mut().zip(row) {
            *byte = nearest(value * inverse + 128.0);
        }
        *scale = top / 127.0;
    }
}

/// Nearest byte of a value in `0.5..=255.5`, ties to even.
#[inline(always)]
fn nearest(x: f32) -> u8 {
    // As in `exp`: the low bits of the shifted sum are the nearest integer.
    (x + 12_582_912.0).to_bits() as u8
}

#[inline(always)]
fn largest_magnitude(x: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            let magnitude = chunk[i].abs();
            lanes[i] = if magnitude > lanes[i] { magnitude } else { lanes[i] };
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane = lane.max(value.abs());
    }
    fold(lanes, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exp_is_close_to_the_exact_value(x in -87.0f32..=0.0) {
            let exact = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) - exact).abs() <= 3e-7 * exact);
        }

        #[test]
        fn greedy_finds_the_first_largest(logits in proptest::collection::vec(-30.0f32..30.0, 1..300)) {
            let (at, logprob) = greedy(&logits);
            let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(at, logits.iter().position(|&l| l == top).unwrap());
            let sum: f64 = logits.iter().map(|&l| f64::from(l - top).exp()).sum();
            prop_assert!((f64::from(logprob) + sum.ln()).abs() < 1e-5);
        }

        #[test]
        fn a_row_is_quantised_within_half_a_step(row in proptest::collection::vec(-9.0f32..9.0, 1..100)) {
            let (mut bytes, mut scales) = (vec![0; row.len()], [0.0]);
            quantise_rows(&row, row.len(), &mut bytes, &mut scales);
            for (x, b) in row.iter().zip(bytes) {
                prop_assert!((x - (f32::from(b) - 128.0) * scales[0]).abs() <= 0.501 * scales[0]);
            }
        }
    }
}
