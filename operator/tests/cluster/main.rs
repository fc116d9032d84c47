//! The operator against a real control plane: real API server, controllers and scheduler; the pods' containers are scripts.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test may fail so, helpers of it included")]

mod chart;
mod conflicts;
mod disturbed;
mod fleet;
mod leader;
mod many;
mod real;
mod roles;
mod sample;
mod stage;
mod stalled;
mod traced;
