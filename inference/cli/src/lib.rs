//! The command line as a library, so that tests reach every step.

pub mod args;
pub mod cli;
pub mod commands;
pub mod console;
pub mod engine_options;
pub mod engine_start;
pub mod error;
pub mod escaped_path;
pub mod exit;
pub mod folder_job;
pub mod manifest;
pub mod output;
pub mod progress;
pub mod run_ledger;
pub mod run_local;
pub mod signals;
pub mod termination_message;
pub mod worker;
