//! The claim protocol under a model checker, workers in a simulation with faults, and contention.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod claim_model;
mod contention;
mod simulation;
