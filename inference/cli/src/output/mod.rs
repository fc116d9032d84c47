//! Transcripts as files: JSON is the truth, SRT, VTT and TXT are rendered from it.

pub mod cues;
pub mod format;
pub mod lines;
pub mod made_by;
pub mod render;

#[cfg(test)]
mod render_tests;
#[cfg(test)]
pub(crate) mod testing;
