//! Writes and deletes of objects.
//!
//! The bytes go to disk under a temporary name first. Then, under the lock of the path, the condition is
//! checked and the file renamed. Deletes take the lock too. So no other writer of this store comes between
//! check and rename, and of several writers that expect the same version one wins. Programs that write into
//! the folder without the lock can come between; if one creates the same file at that moment, a write with
//! `Absent` still fails, because the kernel checks again.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::{failed, is_not_found};
use super::stage::stage;
use super::{etag, folders, lock, metadata};
use crate::error::{ErrorKind, StoreError};
use crate::object::{Condition, ETag, Put};

/// Writes the object `key`, which consists of these parts.
pub(super) fn put(root: &Path, key: &str, parts: &[&str], put: &Put) -> Result<ETag, StoreError> {
    let root = folders::root(root)?;
    let (name, above) = split(parts);
    let folder = folders::make(&root, above)?;
    let path = folder.join(name);
    if path.is_dir() {
        return Err(StoreError::new(ErrorKind::Invalid, format!("{} is a folder", path.display())));
    }
    let staged = stage(&folder, &put.body)?;
    let file = staged.as_file().metadata().map_err(|error| failed("stat", staged.path(), &error))?;

    let _lock = lock::lock_path(&root, &path)?;
    let current = current_file(&path)?;
    let holds = match (&put.condition, &current) {
        (Condition::Always, _) | (Condition::Absent, None) => true,
        (Condition::Matches(wanted), Some(current)) => *wanted == etag::of(current),
        (Condition::Absent, Some(_)) | (Condition::Matches(_), None) => false,
    };
    if !holds {
        return Err(condition_failed(&path));
    }
    let before = sole_file(&path);
    metadata::write(&root, key, &file, &put.metadata)?;
    let named = match put.condition {
        Condition::Absent => staged.persist_noclobber(&path),
        Condition::Always | Condition::Matches(_) => staged.persist(&path),
    };
    if let Err(error) = named {
        metadata::remove(&root, &file);
        return Err(match error.error {
            error if error.kind() == io::ErrorKind::AlreadyExists => condition_failed(&path),
            error => failed("write", &path, &error),
        });
    }
    if let Some(before) = before {
        metadata::remove(&root, &before);
    }
    folders::sync(&folder).map_err(StoreError::unclear)?;
    Ok(etag::of(&file))
}

/// Deletes the object at these parts. Folders stay, even if empty: a writer may be about to use them.
pub(super) fn delete(root: &Path, parts: &[&str]) -> Result<(), StoreError> {
    let root = folders::root(root)?;
    let (name, above) = split(parts);
    let asked: PathBuf = root.join(above.iter().collect::<PathBuf>());
    if !asked.is_dir() {
        return Ok(());
    }
    let folder = folders::make(&root, above)?;
    let path = folder.join(name);
    let _lock = lock::lock_path(&root, &path)?;
    match fs::symlink_metadata(&path) {
        Ok(current) if current.is_file() || current.is_symlink() => {}
        Ok(_) => return Ok(()),
        Err(error) if is_not_found(&error) => return Ok(()),
        Err(error) => return Err(failed("stat", &path, &error)),
    }
    let before = sole_file(&path);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &path, &error)),
        _ => {}
    }
    if let Some(before) = before {
        metadata::remove(&root, &before);
    }
    folders::sync(&folder).map_err(StoreError::unclear)
}

/// The current file of the object.
fn current_file(path: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs::metadata(path) {
        Ok(current) if current.is_file() => Ok(Some(current)),
        Ok(_) => Err(StoreError::new(ErrorKind::Invalid, format!("{} is not a file", path.display()))),
        Err(error) if is_not_found(&error) => match fs::symlink_metadata(path) {
            Ok(_) => {
                let message = format!("{} is a dangling link", path.display());
                Err(StoreError::new(ErrorKind::Invalid, message))
            }
            Err(_) => Ok(None),
        },
        Err(error) => Err(failed("stat", path, &error)),
    }
}

/// The file whose metadata are removed with its name: not the target of a link, and without other hard links.
fn sole_file(path: &Path) -> Option<Metadata> {
    fs::symlink_metadata(path).ok().filter(|current| current.is_file() && current.nlink() == 1)
}

fn condition_failed(path: &Path) -> StoreError {
    let message = format!("the condition for {} does not hold", path.display());
    StoreError::new(ErrorKind::PreconditionFailed, message)
}

fn split<'p>(parts: &'p [&'p str]) -> (&'p str, &'p [&'p str]) {
    // A valid key has at least one part.
    parts.split_last().map_or(("", parts), |(name, above)| (*name, above))
}
