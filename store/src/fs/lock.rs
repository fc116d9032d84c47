//! Locks on keys: between threads, processes, and machines that share the folder.
//!
//! A lock is an flock on one of a fixed number of files below `.verbatim/locks`, chosen by the digest of the
//! path. Keys that share a file wait for each other, which only costs time. The files are never removed:
//! otherwise two processes could lock two different files of the same name. The kernel releases the locks of
//! a process that dies.

use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::failed;
use super::{folders, key};
use crate::error::StoreError;

/// Number of lock files, a power of two below 257. More than a few tens of writers wait for the disk anyway.
const FILES: u8 = 64;

/// A lock, held until drop.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Waits for the lock of a path below the root, with links resolved.
pub(super) fn lock_path(root: &Path, path: &Path) -> Result<Lock, StoreError> {
    let digest = Sha256::digest(path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes());
    let folder = folders::make(root, &key::LOCKS)?;
    let path = folder.join(format!("{:02x}", digest[0] % FILES));
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| failed("open", &path, &error))?;
    file.lock().map_err(|error| failed("lock", &path, &error))?;
    Ok(Lock { _file: file })
}
