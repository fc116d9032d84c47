//! The command line as a user sees it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic, too")]

mod interrupted;
#[path = "../support/machine.rs"]
mod machine;
mod schema;
mod signals;
mod transcribe;
mod usage;
