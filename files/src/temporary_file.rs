//! Temporary files beside the file that they become, and removal of those that a killed process left.
//!
//! A leftover has the name of a temporary file and no lock: the kernel releases the locks of a process that
//! dies.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// Prefix of the names of temporary files.
const PREFIX: &str = ".verbatim-";
/// Suffix of the names of temporary files.
const SUFFIX: &str = ".tmp";
/// Attempts to create a temporary file, in case a cleaner removes it between creation and lock.
const ATTEMPTS: usize = 8;

/// Whether a name is that of a temporary file.
pub fn is_temporary_name(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Behaviour on a file system without locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutLocks {
    /// Fail, because the caller needs locks for other purposes too.
    Fail,
    /// Continue: cleaners cannot lock either, and leave the file alone.
    Continue,
}

/// Creates a temporary file and locks it. Dropping it removes it.
///
/// # Errors
/// Errors of the file system.
pub fn create(folder: &Path, without_locks: WithoutLocks) -> io::Result<NamedTempFile> {
    for _ in 0..ATTEMPTS {
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(12);
        // The mode that any program's files have: what the umask leaves. By default temporary files are
        // private.
        let file = builder.permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // A cleaner has locked the file and will remove it.
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) if without_locks == WithoutLocks::Fail => return Err(error),
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // A cleaner may have removed the file before it was locked.
        if file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
    Err(io::Error::other("failed to create a temporary file: another process removed each one"))
}

/// Removes temporary files of dead processes from a folder and, if `recursive`, from the folders below it.
/// Links are not followed. Files that cannot be read or removed stay, which does no harm.
pub fn remove_leftovers(folder: &Path, recursive: bool) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && recursive {
                folders.push(entry.path());
            } else if kind.is_file() && entry.file_name().to_str().is_some_and(is_temporary_name) {
                let path = entry.path();
                let file = File::open(&path);
                if file.as_ref().is_ok_and(|file| file.try_lock().is_ok()) {
                    let _ = fs::remove_file(&path);
                }
            }
        }
    }
}
