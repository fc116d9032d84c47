//! The command line as a library, so that tests and tools reach every step.

pub mod commands;
pub mod engine_options;
pub mod folder_job;
pub mod output;
pub mod worker;
