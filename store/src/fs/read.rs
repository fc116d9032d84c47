//! Reads of objects. Links are followed: recordings may be links.

use std::fs::{File, Metadata as FileMetadata};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::blocking::blocking;
use super::error::{failed, is_not_found};
use super::{etag, folders, metadata};
use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, ETag, Object, Read};

/// Bytes per read: large enough that the disk is the bottleneck, small enough to hold for every reader.
const PART: usize = 256 << 10;

/// Attempts to open an object that is replaced between its file and its metadata.
const MAX_ATTEMPTS: usize = 8;

/// The object `key` at `path`, without its body.
pub(super) fn head(root: &Path, path: &Path, key: &str) -> Result<Object, StoreError> {
    open(root, path, key).map(|(_, object)| object)
}

/// Starts to read the object `key` at `path`.
pub(super) fn get(root: &Path, path: &Path, key: &str, read: Read) -> Result<Download, StoreError> {
    let (file, object) = open(root, path, key)?;
    if read.if_match.is_some_and(|wanted| wanted != object.etag) {
        let message = format!("{} is not the requested version", path.display());
        return Err(StoreError::new(ErrorKind::PreconditionFailed, message));
    }
    let range = read.range.unwrap_or(0..object.size);
    let range = range.start.min(object.size)..range.end.min(object.size);
    let reader = Reader { file, path: path.into(), etag: object.etag.clone() };
    Ok(Download { body: body(Arc::new(reader), range), object })
}

/// Opens the file, and returns the object that this very file holds.
fn open(root: &Path, path: &Path, key: &str) -> Result<(File, Object), StoreError> {
    let mut attempts = 0;
    loop {
        let (file, found) = open_file(root, path)?;
        let metadata = metadata::read(root, &found);
        attempts += 1;
        // Metadata are removed after their file: if there are none, the file may have been replaced just now.
        let sure = !metadata.is_empty() || attempts == MAX_ATTEMPTS || {
            std::fs::metadata(path).is_ok_and(|now| etag::of(&now) == etag::of(&found))
        };
        if sure {
            return Ok((file, etag::object(key, &found, metadata)));
        }
    }
}

fn open_file(root: &Path, path: &Path) -> Result<(File, FileMetadata), StoreError> {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let file = match File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        Ok(file) => file,
        Err(error) if is_not_found(&error) => {
            folders::root(root)?;
            return Err(not_found(path));
        }
        // A socket, or a device without a driver.
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => return Err(not_found(path)),
        Err(error) => return Err(failed("open", path, &error)),
    };
    let found = file.metadata().map_err(|error| failed("stat", path, &error))?;
    if found.is_file() { Ok((file, found)) } else { Err(not_found(path)) }
}

fn not_found(path: &Path) -> StoreError {
    StoreError::new(ErrorKind::NotFound, format!("no such file: {}", path.display()))
}

/// An open file, and the version that it must keep.
struct Reader {
    file: File,
    path: Box<Path>,
    etag: ETag,
}

/// The bytes of a range in parts; each is read on demand.
fn body(reader: Arc<Reader>, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let parts = stream::try_unfold(range, move |left| {
        let reader = Arc::clone(&reader);
        async move {
            if left.is_empty() {
                return Ok(None);
            }
            let end = left.end;
            let (part, next) = blocking(move || reader.part(left)).await?;
            Ok(Some((part, next..end)))
        }
    });
    parts.boxed()
}

impl Reader {
    /// The first bytes of the range, and the start of the rest.
    fn part(&self, range: Range<u64>) -> Result<(Bytes, u64), StoreError> {
        let length = usize::try_from(range.end - range.start).map_or(PART, |length| length.min(PART));
        let mut part = vec![0; length];
        let read = self.file.read_at(&mut part, range.start);
        let read = read.map_err(|error| failed("read", &self.path, &error))?;
        part.truncate(read);
        let next = range.start + read as u64;
        // A program that writes into files instead of replacing them would mix two versions.
        let now = self.file.metadata().map_err(|error| failed("stat", &self.path, &error))?;
        if read == 0 || etag::of(&now) != self.etag {
            let message = format!("{} changed while it was read", self.path.display());
            return Err(StoreError::new(ErrorKind::Conflict, message));
        }
        Ok((part.into(), next))
    }
}
