//! Folders to write in: created if missing, and always inside the root.
//!
//! A link out of the root is refused. The check is not atomic: whoever can swap a folder for a link at that
//! moment can write there anyway.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::failed;
use crate::error::{ErrorKind, StoreError};

/// The root, with links resolved.
pub(super) fn root(root: &Path) -> Result<PathBuf, StoreError> {
    let real = fs::canonicalize(root).map_err(|error| {
        let error = failed("open", root, &error);
        if error.is_not_found() { StoreError::new(ErrorKind::NoBucket, error.message) } else { error }
    })?;
    if real.is_dir() {
        Ok(real)
    } else {
        Err(StoreError::new(ErrorKind::NoBucket, format!("{} is not a folder", root.display())))
    }
}

/// The folder at these parts below the root, created if missing, with links resolved. `root` has its links
/// resolved already.
pub(super) fn make(root: &Path, parts: &[&str]) -> Result<PathBuf, StoreError> {
    let mut folder = root.to_owned();
    for part in parts {
        let next = folder.join(part);
        let found = match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_one(&folder, &next)?;
                fs::symlink_metadata(&next)
            }
            found => found,
        };
        let found = found.map_err(|error| failed("open", &next, &error))?;
        folder = if found.is_symlink() { inside(root, &next)? } else { next };
        if !found.is_dir() && !folder.is_dir() {
            return Err(StoreError::new(ErrorKind::Invalid, format!("{} is not a folder", folder.display())));
        }
    }
    Ok(folder)
}

/// Makes the entries of a folder durable.
pub(super) fn sync(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| failed("sync", folder, &error))
}

fn make_one(parent: &Path, folder: &Path) -> Result<(), StoreError> {
    match fs::create_dir(folder) {
        Ok(()) => sync(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("create the folder", folder, &error)),
    }
}

fn inside(root: &Path, link: &Path) -> Result<PathBuf, StoreError> {
    let real = fs::canonicalize(link).map_err(|error| failed("open", link, &error))?;
    if real.starts_with(root) {
        Ok(real)
    } else {
        let message = format!("{} is a link out of {}", link.display(), root.display());
        Err(StoreError::new(ErrorKind::Invalid, message))
    }
}
