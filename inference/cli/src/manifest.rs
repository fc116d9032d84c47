//! Manifests: reading one, and opening its job for read-only commands.

use std::path::Path;
use std::sync::Arc;

use verbatim_crds::{Manifest, ManifestError, manifest};
use verbatim_ledger::worker::settings::DEFAULT_LEASE;
use verbatim_text::error_chain;

use crate::error::CommandError;
use crate::escaped_path::EscapedPath;
use crate::worker::open_job::OpenJob;
use crate::worker::request_metrics::RequestMetrics;

/// Reads a manifest.
///
/// # Errors
/// [`CommandError::Configuration`].
pub fn load_manifest(file: &Path) -> Result<Manifest, CommandError> {
    manifest::load(file).map_err(|error| manifest_error(file, &error))
}

/// The command's error for an invalid manifest.
pub fn manifest_error(file: &Path, error: &ManifestError) -> CommandError {
    match error {
        // Its message has the file already.
        ManifestError::Read { .. } => CommandError::configuration(error),
        _ => CommandError::Configuration(format!("{}: {}", EscapedPath(file), error_chain(error))),
    }
}

/// Opens the stores of a manifest's job, for commands that change nothing.
///
/// # Errors
/// [`CommandError`].
pub async fn open_job(file: &Path) -> Result<OpenJob, CommandError> {
    let manifest = load_manifest(file)?;
    let requests = Arc::new(RequestMetrics::new(None));
    Ok(OpenJob::open(&manifest.job, manifest::base(file), requests, DEFAULT_LEASE).await?)
}
