//! Audio in, transcripts out: everything that parses media and runs models. Knows nothing of storage.

pub mod failure;
pub mod job;
pub mod load;
pub mod options;
pub mod transcriber;
