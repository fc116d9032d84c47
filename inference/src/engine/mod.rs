//! Audio in, transcripts out: everything that parses media and runs models. Knows nothing of storage.

pub mod audio;
pub mod decode;
pub mod failure;
pub mod family;
pub mod job;
pub mod moonshine;
pub mod resample;
pub mod runtime;
pub mod load;
pub mod options;
pub mod transcriber;
