//! Models on this machine: pinned packages, cache, preparation, and lookup for the engine.

mod cache;
mod catalog;
pub mod digest;
mod error;
mod gpu;
mod installed;
pub mod lock_file;
pub mod moonshine;
pub mod onnx;
mod pull;
mod scratch;
mod wheel;

pub use catalog::{list, show, verify};
pub use error::ModelError;
pub use installed::{InstalledModel, find};
pub use pull::pull;
