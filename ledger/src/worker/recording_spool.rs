//! Recordings fetched ahead of the engine, limited in number and bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use verbatim_store::{ETag, ObjectStore, Read};

use super::error::SpoolError;
use super::events::Event;
use super::settings::Settings;

/// Bytes per permit of the semaphore, which keeps its numbers small.
const UNIT: u64 = 64 << 10;

/// Limits of the spool.
#[derive(Clone, Debug)]
pub(crate) struct RecordingSpool {
    folder: PathBuf,
    files: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_files: usize,
    units: u32,
}

/// Space for one recording, until drop.
#[derive(Debug)]
pub(crate) struct SpoolPermit {
    _file: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl RecordingSpool {
    pub(crate) fn new(settings: &Settings) -> Self {
        let units = u32::try_from(settings.spool_bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3).max(1);
        let max_files = settings.spool_files.max(1);
        Self {
            folder: settings.spool.clone(),
            files: Arc::new(Semaphore::new(max_files)),
            max_files,
            bytes: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Waits for space for so many bytes. A recording larger than the spool gets all of it.
    pub(crate) async fn acquire(&self, bytes: u64) -> Option<SpoolPermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(self.units).clamp(1, self.units);
        // The semaphores are never closed; if they were, there would be no space.
        let file = Arc::clone(&self.files).acquire_owned().await.ok()?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(units).await.ok()?;
        Some(SpoolPermit { _file: file, _bytes: bytes })
    }

    /// Usage: permits given out, whether or not their recordings have arrived.
    pub(crate) fn usage(&self) -> Event<'static> {
        let used = u64::from(self.units) - self.bytes.available_permits() as u64;
        Event::SpoolUsage {
            files: (self.max_files - self.files.available_permits()) as u64,
            bytes: used * UNIT,
            max_bytes: u64::from(self.units) * UNIT,
        }
    }

    /// Fetches a version of an object into a file, which is removed when the path is dropped.
    pub(crate) async fn fetch(
        &self,
        store: &dyn ObjectStore,
        key: &str,
        planned: &ETag,
    ) -> Result<TempPath, SpoolError> {
        let read = Read { if_match: Some(planned.clone()), range: None };
        let download = store.get(key, read).await?;
        // A store that ignores the condition sends the current version.
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

/// A temporary file with the recording's extension, which some formats are detected by.
fn named(folder: &Path, key: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let ending = Path::new(key).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let plain = ending.len() <= 8 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let suffix = if plain && !ending.is_empty() { format!(".{ending}") } else { String::new() };
    tempfile::Builder::new().prefix("recording-").suffix(&suffix).tempfile_in(folder)
}
