//! Statistics that hold where samples are few, noisy and not normal. Pure.

mod quantile;
mod theil_sen;

pub use quantile::{mean, quantiles};
pub use theil_sen::theil_sen;

/// A robust slope and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Slope {
    /// Median of the slopes of all pairs.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}
