//! Status of the worker, for `/status`, `/healthz` and `/readyz`.
//!
//! - [`response`]: the JSON of `/status` (`docs/status.md`);
//! - `state`: values from events and measurements, with the time given;
//! - `answers`: the answers to the three paths, from the state;
//! - `tracker`: the observer that holds the state.

mod answers;
mod moment;
pub mod response;
mod state;
mod tracker;

pub use tracker::StatusTracker;

#[cfg(test)]
mod tests;
