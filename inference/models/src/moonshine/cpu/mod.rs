//! Graphs for a CPU.

pub(super) mod decoder;
pub(super) mod encoder;
