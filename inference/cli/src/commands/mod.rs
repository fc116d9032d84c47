//! The commands, one per file: arguments in, exit code out.

pub mod bench;
pub mod model;
pub mod plan;
pub mod report;
pub mod run;
pub mod schema;
pub mod soak;
pub mod status;
pub mod transcribe;
pub mod worker;

#[cfg(test)]
mod tests;
