//! Text for people in messages, events and logs: numbers with units, errors with their causes. Pure.

mod error_chain;
mod number;

pub use error_chain::{causes, error_chain};
pub use number::{bytes, clock, count, elapsed, files, ratio};
