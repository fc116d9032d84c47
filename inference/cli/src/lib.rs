//! The command line as a library, so that tests and tools reach every step.

pub mod commands;
pub mod local;
pub mod output;
pub mod worker;
