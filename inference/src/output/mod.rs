//! Transcripts as files: JSON is the truth, SRT, VTT and TXT are rendered from it.

pub mod cues;
pub mod format;
pub mod lines;
pub mod render;
pub mod transcript;
pub mod write;
