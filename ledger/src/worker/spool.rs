//! Recordings that are fetched ahead of the engine: bounded in number and in bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use verbatim_store::{ETag, ObjectStore, Read, StoreError};

use super::settings::Settings;
use super::watch::Event;

/// Bytes of one permit: the semaphore counts in these, so that its numbers stay small.
const UNIT: u64 = 64 << 10;

/// Why a recording is not in the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is another version than the one that was planned.
    #[error("it changed after the plan was made: it was {planned:?} and is {found:?}")]
    Changed {
        /// The version of the plan.
        planned: ETag,
        /// The version that is there.
        found: ETag,
    },
    /// It could not be written to the spool.
    #[error("failed to write to the spool folder {folder:?}: {source}")]
    Disk {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The spool's bounds.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    files: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    most_files: usize,
    units: u32,
}

/// Room for one recording, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Room {
    _file: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Spool {
    pub(crate) fn new(settings: &Settings) -> Self {
        let units = u32::try_from(settings.spool_bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3).max(1);
        let most_files = settings.spool_files.max(1);
        Self {
            folder: settings.spool.clone(),
            files: Arc::new(Semaphore::new(most_files)),
            most_files,
            bytes: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Waits for room for so many bytes. A recording that is larger than the spool gets all of it.
    pub(crate) async fn room(&self, bytes: u64) -> Option<Room> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(self.units).clamp(1, self.units);
        // The semaphores are never closed; if they were, there would be no room.
        let file = Arc::clone(&self.files).acquire_owned().await.ok()?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(units).await.ok()?;
        Some(Room { _file: file, _bytes: bytes })
    }

    /// What it holds: rooms that were given, whether or not their recordings have arrived.
    pub(crate) fn holds(&self) -> Event<'static> {
        let used = u64::from(self.units) - self.bytes.available_permits() as u64;
        Event::Spooled {
            files: (self.most_files - self.files.available_permits()) as u64,
            bytes: used * UNIT,
            most_bytes: u64::from(self.units) * UNIT,
        }
    }

    /// Fetches a version of an object into a file that goes when the path is dropped.
    pub(crate) async fn fetch(
        &self,
        store: &dyn ObjectStore,
        key: &str,
        planned: &ETag,
    ) -> Result<TempPath, SpoolError> {
        let read = Read { if_match: Some(planned.clone()), range: None };
        let download = store.get(key, read).await?;
        // A store that does not know the condition sends what it has.
        if download.object.etag != *planned {
            return Err(SpoolError::Changed { planned: planned.clone(), found: download.object.etag });
        }
        let disk = |source| SpoolError::Disk { folder: self.folder.clone(), source };
        let (file, path) = named(&self.folder, key).map_err(disk)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut body = download.body;
        while let Some(part) = body.try_next().await? {
            file.write_all(&part).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        Ok(path)
    }
}

/// A temporary file with the ending of the recording's name: some formats are told apart by it.
fn named(folder: &Path, key: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let ending = Path::new(key).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let plain = ending.len() <= 8 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let suffix = if plain && !ending.is_empty() { format!(".{ending}") } else { String::new() };
    tempfile::Builder::new().prefix("recording-").suffix(&suffix).tempfile_in(folder)
}
