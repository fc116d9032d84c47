//! ONNX Runtime: library, sessions, execution providers, memory. Shared by all models.

pub(crate) mod arena;
pub mod memory;
pub mod provider;
pub mod runtime;
