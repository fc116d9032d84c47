//! Moonshine: a transformer over raw audio with a greedy decoder. Continuous batching on a CPU, padded
//! batches on a GPU.

pub mod cpu;
pub mod gpu;
mod greedy;
mod hypothesis;
mod input_length;
mod math;
mod shared;
mod tokenizer;

pub use shared::{LoadError, SharedModel};
pub use tokenizer::TokenizerError;
