//! Verbatim's engine and command line as a library, so that tests and tools reach every step.

pub mod assets;
pub mod cli;
pub mod engine;
pub mod local;
pub mod output;
pub mod prepare;
pub mod protocol;
pub mod soak;
pub mod stats;
pub mod supervisor;
pub mod text;
pub mod worker;
