//! Moonshine on a CPU: 8-bit weights, a cache and operators of our own, continuous batching without padding.

mod attention;
mod decoder_cache;
mod operators;
mod recognizer;

pub use recognizer::CpuRecognizer;
