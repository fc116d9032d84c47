//! Rotary position embedding.

use crate::moonshine::shape::{HEAD, ROTARY};
use crate::onnx::quantised::Quantised;

/// Base of the frequencies. Source: Moonshine's configuration (`rope_theta`).
const BASE: f64 = 10_000.0;

/// Tables of cosines and sines, `[positions, ROTARY / 2]`, row by row.
pub fn tables(positions: usize) -> (Vec<f32>, Vec<f32>) {
    let half = ROTARY / 2;
    let angle = |i: usize| (i / half) as f64 * BASE.powf(-(2.0 * (i % half) as f64) / ROTARY as f64);
    let table = |f: fn(f64) -> f64| (0..positions * half).map(|i| f(angle(i)) as f32).collect();
    (table(f64::cos), table(f64::sin))
}

/// Weights of the product rotated by 90 degrees in each pair of rotary position embedding: columns `a` and
/// `b` of a pair become `-b` and `a`. With `w` the weights, the embedding is
/// `x · w · cos + x · quarter_turn(w) · sin`.
pub(crate) fn quarter_turn(w: &Quantised) -> Quantised {
    let sources = (0..w.columns).map(|column| match column % HEAD {
        within if within >= ROTARY => (column, 1.0),
        within if within % 2 == 0 => (column + 1, -1.0),
        _ => (column - 1, 1.0),
    });
    let sources: Vec<(usize, f32)> = sources.collect();
    let data = w.data.chunks_exact(w.columns);
    Quantised {
        rows: w.rows,
        columns: w.columns,
        data: data.flat_map(|row| sources.iter().map(|(from, _)| row[*from])).collect(),
        scale: sources.iter().map(|(from, sign)| w.scale[*from] * sign).collect(),
        zero: sources.iter().map(|(from, _)| w.zero[*from]).collect(),
    }
}
