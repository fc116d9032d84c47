//! Temporary folders in the cache, and moving their content into place.

use std::fs;
use std::path::Path;

use crate::cache;
use crate::error::ModelError;

/// Creates a temporary folder in the cache. It is on the same file system, so that its content can be renamed
/// into place atomically.
pub(crate) fn folder() -> Result<tempfile::TempDir, ModelError> {
    let folder = cache::folder()?;
    fs::create_dir_all(&folder).map_err(ModelError::io("write", &folder))?;
    tempfile::Builder::new().prefix(".pull-").tempdir_in(&folder).map_err(ModelError::io("write", &folder))
}

/// Moves a folder into place.
pub(crate) fn replace_folder(from: &Path, to: &Path) -> Result<(), ModelError> {
    // Removes an older or damaged copy first; a concurrent pull ends with the same files.
    if to.exists() {
        fs::remove_dir_all(to).map_err(ModelError::io("write", to))?;
    }
    rename(from, to)
}

/// Moves a file or folder into place, and creates the parent folder.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), ModelError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(ModelError::io("write", to))?;
    }
    fs::rename(from, to).map_err(ModelError::io("write", to))
}
