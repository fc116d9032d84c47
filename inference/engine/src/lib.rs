//! Audio in, transcripts out: everything that parses media and runs models. Knows nothing of storage.

mod arena;
pub mod audio;
mod collect;
pub mod cuda;
pub mod decode;
pub mod device;
pub mod family;
mod lane;
mod listen;
pub mod load;
pub mod moonshine;
mod pipeline;
mod pool;
pub mod process;
pub mod resample;
pub mod runtime;
pub mod segmenter;
pub mod vad;
