//! The metadata of objects, in files of their own: `.verbatim/meta/<two digits>/<tag>.json`.
//!
//! The tag is the file's name, so metadata belong to one version of one object and can be read for no other. They are
//! written BEFORE the object gets its name, and those of the version before are removed AFTER it: whoever finds an
//! object finds its metadata. A process that is killed in between leaves metadata that no object has, which nobody
//! reads. They are not synced to the disk: what a power cut takes, or leaves half-written, reads as no metadata, and an
//! object without is stale at worst. The key is written beside them for people; it is not read.

use std::fs;
use std::fs::Metadata as File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::failed;
use super::{etag, folders, key};
use crate::error::{ErrorKind, StoreError};
use crate::object::Metadata;

#[derive(Serialize, Deserialize)]
struct MetadataFile<'k> {
    #[serde(borrow)]
    key: std::borrow::Cow<'k, str>,
    metadata: Metadata,
}

/// The metadata of the object that the file is; none where none are kept or they cannot be read.
pub(super) fn read(root: &Path, file: &File) -> Metadata {
    let Ok(bytes) = fs::read(path(root, file)) else { return Metadata::new() };
    serde_json::from_slice::<MetadataFile<'_>>(&bytes).map(|kept| kept.metadata).unwrap_or_default()
}

/// Keeps the metadata of a file that is about to become the object `key`.
pub(super) fn write(root: &Path, key: &str, file: &File, metadata: &Metadata) -> Result<(), StoreError> {
    if metadata.is_empty() {
        return Ok(());
    }
    let kept = MetadataFile { key: key.into(), metadata: metadata.clone() };
    let bytes = serde_json::to_vec(&kept)
        .map_err(|error| StoreError::new(ErrorKind::Invalid, format!("failed to write metadata: {error}")))?;
    let [verbatim, meta] = key::METADATA;
    let folder = folders::make(root, &[verbatim, meta, &subfolder(file)])?;
    let path = folder.join(name(file));
    // No two writers have the same file, so nobody else writes this one.
    let written = fs::File::create(&path).and_then(|mut file| file.write_all(&bytes));
    written.map_err(|error| {
        let _ = fs::remove_file(&path);
        failed("write", &path, &error)
    })
}

/// Forgets the metadata of a file that is an object no longer. What cannot be removed harms nobody.
pub(super) fn remove(root: &Path, file: &File) {
    let _ = fs::remove_file(path(root, file));
}

fn path(root: &Path, file: &File) -> PathBuf {
    let [verbatim, meta] = key::METADATA;
    root.join(verbatim).join(meta).join(subfolder(file)).join(name(file))
}

/// One of 256 folders, so that none grows large.
fn subfolder(file: &File) -> String {
    format!("{:02x}", file.ino() & 0xff)
}

fn name(file: &File) -> String {
    format!("{}.json", etag::unquoted(file))
}
