//! Audio in, transcripts out: everything that parses media and runs models. Knows nothing of storage.

mod arena;
pub mod audio;
mod collect;
pub mod controls;
pub mod cuda;
pub mod decode;
pub mod device;
pub mod failure;
pub mod family;
pub mod job;
mod lane;
mod listen;
pub mod load;
pub mod moonshine;
pub mod options;
mod pipeline;
mod pool;
pub mod process;
pub mod resample;
pub mod runtime;
pub mod segmenter;
pub mod transcriber;
pub mod vad;
