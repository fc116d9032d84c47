//! Audio in, transcripts out: everything that parses media and runs models. Knows nothing of storage.

pub mod audio;
pub mod device;
pub mod load;
pub mod moonshine;
pub mod onnx_runtime;
mod pipeline;
pub mod process;
pub mod recognizer;
pub mod vad;
