//! The TranscriptionJob API and the contract between operator and worker.
