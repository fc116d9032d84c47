//! The operator: a TranscriptionJob becomes elastic workers, and their figures become its status.

pub mod decide;
