//! Files under a temporary name, beside the one that they become; and what is left of them when a process is killed.
//!
//! A leftover is known by its name, and by nobody holding its lock: the kernel drops the lock of a process that dies.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// What the names of temporary files begin with.
const PREFIX: &str = ".verbatim-";
/// What the names of temporary files end with.
const SUFFIX: &str = ".tmp";
/// Tries to get a temporary file that no cleaner took in the moment between its making and its locking.
const ATTEMPTS: usize = 8;

/// Whether temporary files have names like this.
pub fn is_temporary_name(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// What to do on a file system without locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutLocks {
    /// Fail: the caller needs them for more than this.
    Fail,
    /// Go on: cleaners get no lock either, and leave the file alone.
    Continue,
}

/// A new temporary file whose lock we hold. Dropping it removes it.
///
/// # Errors
/// The system's.
pub fn create(folder: &Path, without_locks: WithoutLocks) -> io::Result<NamedTempFile> {
    for _ in 0..ATTEMPTS {
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(12);
        // As any program makes files: what the umask leaves. Temporary files are closed to others by default.
        let file = builder.permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // A cleaner is looking at it, and will remove it.
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) if without_locks == WithoutLocks::Fail => return Err(error),
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // A cleaner may have removed it before it was locked.
        if file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
    Err(io::Error::other("every temporary file was taken away by another process"))
}

/// Removes the temporary files of processes that are no more, in a folder and, where `below` is set, the folders below it.
/// Links are not followed. What cannot be read or removed is left for another time: it harms nobody.
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
