//! Robust statistics for few, noisy samples that are not normally distributed. Pure.

mod quantile;
mod theil_sen;

pub use quantile::{mean, quantiles};
pub use theil_sen::{Slope, theil_sen};
