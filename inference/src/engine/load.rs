//! Makes the engine that the options ask for.

use crate::engine::{options::EngineOptions, transcriber::Transcriber};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model that was asked for is not one that this build can run.
    #[error("failed to load the model {model:?}: this build has no model families")]
    UnknownModel {
        /// Name or path, as it was asked for.
        model: String,
    },
}

/// Loads the model and takes the device.
///
/// # Errors
/// [`EngineError`] says what is missing.
pub fn load(options: &EngineOptions) -> Result<Box<dyn Transcriber>, EngineError> {
    Err(EngineError::UnknownModel { model: options.model.clone() })
}
