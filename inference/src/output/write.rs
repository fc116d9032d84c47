//! Files that are there whole or not at all: a temporary file in the same folder, fsync, rename, fsync of the folder.
//!
//! The temporary file of a killed process stays behind. It is known by its name, and by nobody holding its lock: the
//! kernel drops the lock of a process that dies, on whatever machine the folder is shared with.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use tempfile::{Builder, NamedTempFile};

/// What the names of temporary files begin with. Hidden, so that listings and walks leave them out.
const PREFIX: &str = ".verbatim-";
/// What the names of temporary files end with.
const SUFFIX: &str = ".tmp";
/// Tries to get a temporary file that no cleaner took in the moment between its making and its locking.
const ATTEMPTS: usize = 8;

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

/// Removes the temporary files of processes that are no more. What cannot be read or removed is left for another
/// time: it harms nobody.
pub fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        if ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let unused = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if unused {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// A new temporary file whose lock we hold.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..ATTEMPTS {
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(12);
        // As any program makes files: what the umask leaves. Temporary files are closed to others by default.
        let file = builder.permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // A cleaner is looking at it, and will remove it.
            Err(TryLockError::WouldBlock) => continue,
            // A file system without locks: a cleaner gets none either, and leaves the file alone.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // A cleaner may have removed it before it was locked.
        if file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
    Err(io::Error::other("every temporary file was taken away by another process"))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
