//! Voice activity detection: speech probabilities, and segments made of them.

pub mod segmenter;
pub mod silero;
