//! Tables of rotary position embedding.

use super::shape::ROTARY;

/// Base of the frequencies. Source: Moonshine's configuration (`rope_theta`).
const BASE: f64 = 10_000.0;

/// Cosines and sines `[positions, ROTARY / 2]`, row by row.
pub fn tables(positions: usize) -> (Vec<f32>, Vec<f32>) {
    let half = ROTARY / 2;
    let angle = |i: usize| (i / half) as f64 * BASE.powf(-(2.0 * (i % half) as f64) / ROTARY as f64);
    let table = |f: fn(f64) -> f64| (0..positions * half).map(|i| f(angle(i)) as f32).collect();
    (table(f64::cos), table(f64::sin))
}
