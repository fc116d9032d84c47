//! Tests without a cluster: built objects, the metrics page, and simulated fleets.
//!
//! The simulations run fleets of 1 to 1000 workers through whole jobs, with all faults: is the end predicted,
//! the target met, the number of workers stable? They are seeded; `VERBATIM_TEST_SEED=1000` selects other
//! seeds.
#![allow(clippy::unwrap_used, reason = "tests and their helpers may panic")]

mod built_objects;
mod eta;
mod metrics_page;
// The example `fleet_plot` uses parts that tests do not.
#[allow(dead_code)]
mod simulation;
mod stability;
mod target;
