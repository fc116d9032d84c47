//! Files that are there whole or not at all: a temporary file in the same folder, fsync, rename, fsync of the folder.
//!
//! The temporary file of a killed process stays behind. It is known by its name, and by nobody holding its lock: the
//! kernel drops the lock of a process that dies, on whatever machine the folder is shared with.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::temporary_file::{self, WithoutLocks};
use tempfile::NamedTempFile;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder is not there and cannot be made.
    #[error("failed to make the folder {folder:?}: {source}")]
    MakeFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No file can be made in the folder.
    #[error("failed to make a file in the folder {folder:?}: {source}")]
    MakeFile {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes cannot be written: the disk is full, or failing.
    #[error("failed to write {path:?}: {source}")]
    WriteBytes {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The written file cannot get its name.
    #[error("failed to put {path:?} in its place: {source}")]
    Rename {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file that was written under a temporary name; dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    file: NamedTempFile,
    path: PathBuf,
}

/// Writes `bytes` to the disk, under a temporary name beside `path`.
///
/// # Errors
/// [`WriteError`]; nothing is left behind.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<Staged, WriteError> {
    let folder = folder_of(path);
    let mut file =
        temporary(folder).map_err(|source| WriteError::MakeFile { folder: folder.to_owned(), source })?;
    let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
    written.map_err(|source| WriteError::WriteBytes { path: path.to_owned(), source })?;
    Ok(Staged { file, path: path.to_owned() })
}

/// Gives every staged file its name, in order, and makes the names last.
///
/// # Errors
/// [`WriteError::Rename`]; the files after the one that failed are removed.
pub fn commit(staged: Vec<Staged>) -> Result<(), WriteError> {
    let folders: std::collections::BTreeSet<PathBuf> =
        staged.iter().map(|staged| folder_of(&staged.path).to_owned()).collect();
    for Staged { file, path } in staged {
        file.persist(&path).map_err(|error| WriteError::Rename { path, source: error.error })?;
    }
    for folder in folders {
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| WriteError::Rename { path: folder, source })?;
    }
    Ok(())
}

/// Makes a folder ready: makes it, and finds out whether files can be made in it.
///
/// # Errors
/// [`WriteError::MakeFolder`] and [`WriteError::MakeFile`].
pub fn prepare(folder: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(folder)
        .map_err(|source| WriteError::MakeFolder { folder: folder.to_owned(), source })?;
    let probe =
        temporary(folder).map_err(|source| WriteError::MakeFile { folder: folder.to_owned(), source })?;
    // A file that cannot be removed will be found as a leftover by the next run.
    let _ = probe.close();
    Ok(())
}

/// Removes the temporary files of processes that are no more, in a folder.
pub fn remove_leftovers(folder: &Path) {
    temporary_file::remove_leftovers(folder, false);
}

/// A new temporary file. A file system without locks will do.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    temporary_file::create(folder, WithoutLocks::Continue)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
