//! Transcripts as files: JSON is the truth, SRT, VTT and TXT are rendered from it.

pub mod transcript;
