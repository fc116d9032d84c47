//! Atomic writes of files: a temporary file in the same folder, fsync, rename, fsync of the folder.
//!
//! A killed process leaves its temporary files behind. Such a leftover has the name of a temporary file and no
//! lock: the kernel releases the locks of a process that dies, on whichever machine it ran.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::temporary_file::{self, WithoutLocks};
use tempfile::NamedTempFile;

/// Failure to write a file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder does not exist and cannot be created.
    #[error("failed to create the folder {folder:?}: {source}")]
    CreateFolder {
        /// The folder.
        folder: PathBuf,
        /// Error of the file system.
        source: io::Error,
    },
    /// No file can be created in the folder.
    #[error("failed to create a file in the folder {folder:?}: {source}")]
    CreateFile {
        /// The folder.
        folder: PathBuf,
        /// Error of the file system.
        source: io::Error,
    },
    /// The content cannot be written, for example to a full disk.
    #[error("failed to write {path:?}: {source}")]
    WriteBytes {
        /// Path of the file.
        path: PathBuf,
        /// Error of the file system.
        source: io::Error,
    },
    /// The temporary file cannot be renamed.
    #[error("failed to rename the temporary file to {path:?}: {source}")]
    Rename {
        /// Path of the file.
        path: PathBuf,
        /// Error of the file system.
        source: io::Error,
    },
    /// The new names cannot be written to the disk.
    #[error("failed to sync the folder {folder:?}: {source}")]
    SyncFolder {
        /// The folder.
        folder: PathBuf,
        /// Error of the file system.
        source: io::Error,
    },
}

/// A file that was written under a temporary name. Dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    file: NamedTempFile,
    path: PathBuf,
}

/// Writes `bytes` to the disk under a temporary name, in the folder of `path`.
///
/// # Errors
/// [`WriteError::CreateFile`] and [`WriteError::WriteBytes`]. The temporary file is removed then.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<Staged, WriteError> {
    let folder = folder_of(path);
    let mut file = create_temporary(folder)?;
    let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
    written.map_err(|source| WriteError::WriteBytes { path: path.to_owned(), source })?;
    Ok(Staged { file, path: path.to_owned() })
}

/// Renames staged files to their paths, in order, and syncs their folders.
///
/// # Errors
/// [`WriteError::Rename`]: the file that failed and those after it are removed. [`WriteError::SyncFolder`]: all
/// files have their names, but may lose them in a power failure.
pub fn commit(staged: Vec<Staged>) -> Result<(), WriteError> {
    let folders: BTreeSet<PathBuf> = staged.iter().map(|staged| folder_of(&staged.path).to_owned()).collect();
    for Staged { file, path } in staged {
        file.persist(&path).map_err(|error| WriteError::Rename { path, source: error.error })?;
    }
    for folder in folders {
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| WriteError::SyncFolder { folder, source })?;
    }
    Ok(())
}

/// Creates a folder if it is missing, and checks that files can be created in it.
///
/// # Errors
/// [`WriteError::CreateFolder`] and [`WriteError::CreateFile`].
pub fn prepare(folder: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(folder)
        .map_err(|source| WriteError::CreateFolder { folder: folder.to_owned(), source })?;
    let probe = create_temporary(folder)?;
    // If it cannot be removed now, the next run removes it as a leftover.
    let _ = probe.close();
    Ok(())
}

/// Removes temporary files of dead processes from a folder.
pub fn remove_leftovers(folder: &Path) {
    temporary_file::remove_leftovers(folder, false);
}

/// Creates a temporary file, also on a file system without locks.
fn create_temporary(folder: &Path) -> Result<NamedTempFile, WriteError> {
    temporary_file::create(folder, WithoutLocks::Continue)
        .map_err(|source| WriteError::CreateFile { folder: folder.to_owned(), source })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
