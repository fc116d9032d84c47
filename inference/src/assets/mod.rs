//! Models on this machine: what there is, and getting more.

use std::io::Write;

/// Why a model could not be listed, fetched, shown or verified.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// There is no model of that name.
    #[error("there is no model {0:?}: `verbatim model list` shows those that there are")]
    UnknownModel(String),
    /// What was found could not be told.
    #[error("failed to write to standard output")]
    Output(#[from] std::io::Error),
}

/// Writes a line for each model: its name, and whether it is on this machine.
///
/// # Errors
/// [`AssetError::Output`].
pub fn list(out: &mut dyn Write) -> Result<(), AssetError> {
    Ok(writeln!(out, "no models are known to this build")?)
}

/// Fetches and prepares a model.
///
/// # Errors
/// [`AssetError`] says what is missing.
pub fn pull(model: &str, _out: &mut dyn Write) -> Result<(), AssetError> {
    Err(AssetError::UnknownModel(model.to_owned()))
}

/// Writes a model's files, digests, licence and place.
///
/// # Errors
/// [`AssetError`] says what is missing.
pub fn show(model: &str, _out: &mut dyn Write) -> Result<(), AssetError> {
    Err(AssetError::UnknownModel(model.to_owned()))
}

/// Computes a model's digests again and holds them against those that are pinned.
///
/// # Errors
/// [`AssetError`] says what is wrong.
pub fn verify(model: &str, _out: &mut dyn Write) -> Result<(), AssetError> {
    Err(AssetError::UnknownModel(model.to_owned()))
}
