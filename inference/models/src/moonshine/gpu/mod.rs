//! Graphs for a GPU.

pub(super) mod decoder;
pub(super) mod encoder;
mod float_ops;
