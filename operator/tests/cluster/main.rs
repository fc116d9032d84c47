//! The operator against a real control plane: real API server, controllers and scheduler; containers of pods
//! are scripted.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests and their helpers may panic")]

mod chart;
mod conflicts;
mod disruptions;
mod fixture;
mod fleet;
mod leader;
mod lifecycle;
mod load;
mod real_workers;
mod roles;
mod stalled;
mod tracing;
