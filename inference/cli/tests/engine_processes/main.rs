//! Engine processes under a supervisor: faults, isolation, memory limits, signals.

mod cgroup;
mod faults;
mod isolation;
mod memory_limit;
#[path = "../support/processes.rs"]
mod processes;
mod signals;
