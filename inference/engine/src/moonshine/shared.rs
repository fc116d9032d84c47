//! Parts of a loaded Moonshine that all inference workers share.

use std::path::Path;

use ort::session::builder::PrepackedWeights;

use crate::moonshine::tokenizer::{Tokenizer, TokenizerError};
use crate::onnx_runtime::runtime::RuntimeError;

/// Token table and packed weights, shared by all inference workers of a process.
pub struct SharedModel {
    pub(super) tokenizer: Tokenizer,
    pub(super) encoder_weights: PrepackedWeights,
    pub(super) decoder_weights: PrepackedWeights,
}

/// Failure to load the model.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The token table.
    #[error("failed to load the model")]
    Tokenizer(#[from] TokenizerError),
    /// A session.
    #[error("failed to load the model")]
    Runtime(#[from] RuntimeError),
    /// The decoder's operators.
    #[error("failed to register the decoder's operators")]
    Operators(#[source] ort::Error),
}

impl SharedModel {
    /// Reads the shared parts from the folder of a prepared model.
    ///
    /// # Errors
    /// [`LoadError::Tokenizer`] if the token table is missing or damaged.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        Ok(Self {
            tokenizer: Tokenizer::load(&folder.join("tokenizer.bin"))?,
            encoder_weights: PrepackedWeights::new(),
            decoder_weights: PrepackedWeights::new(),
        })
    }
}
