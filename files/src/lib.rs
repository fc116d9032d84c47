//! Files that are there whole or not at all, in folders that several processes write.

pub mod temporary_file;
pub mod write;

#[cfg(test)]
mod write_tests;
