//! Atomic writes of files, in folders that several processes write to.

pub mod temporary_file;
pub mod write;

#[cfg(test)]
mod write_tests;
