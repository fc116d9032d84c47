//! Transcripts as files: JSON is authoritative; SRT, VTT and TXT are rendered from it.

pub mod cues;
pub mod lines;
pub mod render;
pub mod transcript_builder;

#[cfg(test)]
mod render_tests;
#[cfg(test)]
pub(crate) mod testing;
