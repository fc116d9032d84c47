//! Audio in, transcripts out: everything that parses media and runs models. Knows nothing of storage.

pub mod audio;
pub mod decode;
pub mod failure;
pub mod job;
pub mod resample;
