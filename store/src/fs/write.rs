//! Writing and removing objects.
//!
//! Bytes go to the disk under a temporary name first. Then, under the lock of the path: the condition is looked at, and
//! the file gets its name. Removing takes the lock too. So between the look and the name no other writer of this
//! store can come, and of several that expect the same version one wins. Programs that write into the folder without
//! the lock can come in between; over one that creates the same file at that moment `Absent` still fails, for the
//! kernel looks again.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::{failed, is_nothing};
use super::stage::stage;
use super::{folders, lock, metadata, tag};
use crate::error::{ErrorKind, StoreError};
use crate::object::{Condition, ETag, Put};

/// Writes the object `key`, which has these parts.
pub(super) fn put(root: &Path, key: &str, parts: &[&str], put: &Put) -> Result<ETag, StoreError> {
    let root = folders::root(root)?;
    let (name, above) = split(parts);
    let folder = folders::make(&root, above)?;
    let path = folder.join(name);
    if path.is_dir() {
        return Err(StoreError::new(ErrorKind::Invalid, format!("{} is a folder", path.display())));
    }
    let staged = stage(&folder, &put.body)?;
    let file = staged.as_file().metadata().map_err(|error| failed("look at", staged.path(), &error))?;

    let _lock = lock::lock(&root, &path)?;
    let there = look(&path)?;
    let holds = match (&put.condition, &there) {
        (Condition::Always, _) | (Condition::Absent, None) => true,
        (Condition::Matches(wanted), Some(there)) => *wanted == tag::of(there),
        (Condition::Absent, Some(_)) | (Condition::Matches(_), None) => false,
    };
    if !holds {
        return Err(refused(&path));
    }
    let before = own(&path);
    metadata::keep(&root, key, &file, &put.metadata)?;
    let named = match put.condition {
        Condition::Absent => staged.persist_noclobber(&path),
        Condition::Always | Condition::Matches(_) => staged.persist(&path),
    };
    if let Err(error) = named {
        metadata::forget(&root, &file);
        return Err(match error.error {
            there if there.kind() == io::ErrorKind::AlreadyExists => refused(&path),
            error => failed("write", &path, &error),
        });
    }
    if let Some(before) = before {
        metadata::forget(&root, &before);
    }
    folders::sync(&folder).map_err(StoreError::unclear)?;
    Ok(tag::of(&file))
}

/// Removes the object of these parts. Folders stay, empty or not: somebody may be about to write into them.
pub(super) fn delete(root: &Path, parts: &[&str]) -> Result<(), StoreError> {
    let root = folders::root(root)?;
    let (name, above) = split(parts);
    let asked: PathBuf = root.join(above.iter().collect::<PathBuf>());
    if !asked.is_dir() {
        return Ok(());
    }
    let folder = folders::make(&root, above)?;
    let path = folder.join(name);
    let _lock = lock::lock(&root, &path)?;
    match fs::symlink_metadata(&path) {
        Ok(there) if there.is_file() || there.is_symlink() => {}
        Ok(_) => return Ok(()),
        Err(error) if is_nothing(&error) => return Ok(()),
        Err(error) => return Err(failed("look at", &path, &error)),
    }
    let before = own(&path);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &path, &error)),
        _ => {}
    }
    if let Some(before) = before {
        metadata::forget(&root, &before);
    }
    folders::sync(&folder).map_err(StoreError::unclear)
}

/// The file that is the object now.
fn look(path: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() => Ok(Some(there)),
        Ok(_) => Err(StoreError::new(ErrorKind::Invalid, format!("{} is not a file", path.display()))),
        Err(error) if is_nothing(&error) => match fs::symlink_metadata(path) {
            Ok(_) => {
                let message = format!("{} is a link that leads to nothing", path.display());
                Err(StoreError::new(ErrorKind::Invalid, message))
            }
            Err(_) => Ok(None),
        },
        Err(error) => Err(failed("look at", path, &error)),
    }
}

/// The file whose metadata go when its name does: not one that a link leads to, or that has other names.
fn own(path: &Path) -> Option<Metadata> {
    fs::symlink_metadata(path).ok().filter(|there| there.is_file() && there.nlink() == 1)
}

fn refused(path: &Path) -> StoreError {
    let message = format!("the condition for {} does not hold", path.display());
    StoreError::new(ErrorKind::PreconditionFailed, message)
}

fn split<'p>(parts: &'p [&'p str]) -> (&'p str, &'p [&'p str]) {
    // A key has a part, or it is none.
    parts.split_last().map_or(("", parts), |(name, above)| (*name, above))
}
