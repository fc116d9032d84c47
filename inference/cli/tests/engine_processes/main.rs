//! Engine processes under a supervisor: faults, isolation, memory limits, signals.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic, too")]

mod cgroup;
mod faults;
mod isolation;
#[path = "../support/machine.rs"]
mod machine;
mod memory_limit;
#[path = "../support/processes.rs"]
mod processes;
mod signals;
