//! Metadata of objects, in separate files: `.verbatim/meta/<two digits>/<etag>.json`.
//!
//! The file's name is the ETag, so metadata belong to one version of one object. They are written BEFORE the
//! object gets its name, and metadata of the previous version are removed AFTER it: whoever finds an object
//! finds its metadata. A process killed in between leaves metadata without an object, which nobody reads.
//! Metadata are not synced to the disk: if a power cut loses or truncates them, the object has no metadata,
//! and its transcript is stale at worst. The key in the file is for people only; it is never read.

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

/// Metadata of the object that the file holds; empty if missing or unreadable.
pub(super) fn read(root: &Path, file: &File) -> Metadata {
    let Ok(bytes) = fs::read(path(root, file)) else { return Metadata::new() };
    serde_json::from_slice::<MetadataFile<'_>>(&bytes).map(|kept| kept.metadata).unwrap_or_default()
}

/// Writes the metadata of a file that is about to become the object `key`.
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
    // The file belongs to one writer, so nobody else writes its metadata.
    let written = fs::File::create(&path).and_then(|mut file| file.write_all(&bytes));
    written.map_err(|error| {
        let _ = fs::remove_file(&path);
        failed("write", &path, &error)
    })
}

/// Removes the metadata of a file that is no longer an object. A failure does no harm.
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
