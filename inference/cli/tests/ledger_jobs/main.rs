//! Jobs over a ledger: worker processes and a real S3 server.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic, too")]

mod bucket;
mod chaos;
mod lists;
#[path = "../support/machine.rs"]
mod machine;
mod messages;
#[path = "../support/processes.rs"]
mod processes;
mod traces;
mod workers;
