//! A store in a folder, with the conditional writes of S3: between threads, between processes, and between machines as
//! far as the file system has renames that are atomic and flock.
//!
//! A key is the path of a file below the root. Below `.verbatim/locks` and `.verbatim/meta` the store keeps files of its
//! own, which are no objects; so are temporary files.

mod error;
mod etag;
mod folders;
mod key;
mod list;
mod listing_cache;
mod lock;
mod metadata;
mod read;
mod stage;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use self::error::failed;
use self::listing_cache::ListingCache;
use crate::ObjectStore;
use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, ETag, Object, Page, Put, Read};
use verbatim_files::temporary_file;

/// A store in a folder. The work is done on tokio's threads for blocking work; a write that is no longer waited for
/// goes on to its end.
#[derive(Clone, Debug)]
pub struct FsStore {
    root: Arc<Path>,
    listing_cache: Arc<ListingCache>,
}

impl FsStore {
    /// The store in a folder, which need not be there yet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where the path is empty, or relative to a folder that is no more.
    pub fn new(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let root = root.as_ref();
        let absolute = std::path::absolute(root).map_err(|error| {
            StoreError::new(ErrorKind::Invalid, format!("{} is no folder: {error}", root.display()))
        })?;
        Ok(Self { root: absolute.into(), listing_cache: Arc::default() })
    }

    /// Makes the folder and those above it, where they are missing. Destinations may be made, sources have to be there:
    /// until then all requests fail with [`ErrorKind::NoBucket`].
    ///
    /// # Errors
    /// Those of the file system: [`ErrorKind::AccessDenied`] and others.
    pub async fn create(&self) -> Result<(), StoreError> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let made = std::fs::create_dir_all(&root);
            made.map_err(|error| failed("make the folder", &root, &error))
        })
        .await
    }

    /// Removes what processes that were killed have left of their writes. Others' writes in progress are left alone.
    /// Reads all folders below the root, so once in a run is enough.
    ///
    /// # Errors
    /// None but the end of the runtime: what cannot be removed stays, and harms nobody.
    pub async fn remove_leftovers(&self) -> Result<(), StoreError> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            temporary_file::remove_leftovers(&root, true);
            Ok(())
        })
        .await
    }

    /// The folder, as an absolute path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a key.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        Ok(self.root.join(self.parts(key)?.iter().collect::<PathBuf>()))
    }

    fn parts<'k>(&self, key: &'k str) -> Result<Vec<&'k str>, StoreError> {
        key::parts(key).map_err(|why| {
            let message = format!("{key:?} can be no key in {}: {why}", self.root.display());
            StoreError::new(ErrorKind::Invalid, message)
        })
    }
}

#[async_trait]
impl ObjectStore for FsStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        let (root, path, key) = (Arc::clone(&self.root), self.path(key)?, key.to_owned());
        blocking(move || read::head(&root, &path, &key)).await
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let (root, path, key) = (Arc::clone(&self.root), self.path(key)?, key.to_owned());
        blocking(move || read::get(&root, &path, &key, read)).await
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        self.parts(key)?;
        let (store, key) = (self.clone(), key.to_owned());
        blocking(move || write::put(&store.root, &key, &store.parts(&key)?, &put)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.parts(key)?;
        let (store, key) = (self.clone(), key.to_owned());
        blocking(move || write::delete(&store.root, &store.parts(&key)?)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let (store, prefix) = (self.clone(), prefix.to_owned());
        let after = after.unwrap_or_default().to_owned();
        blocking(move || list::list(&store.root, &store.listing_cache, &prefix, &after, limit)).await
    }

    fn address(&self, key: &str) -> String {
        let root = self.root.display().to_string();
        format!("file://{}/{key}", root.trim_end_matches('/'))
    }
}

/// Does blocking work on a thread for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down: the work may have begun.
            Err(error) => {
                Err(StoreError::new(ErrorKind::Unavailable, io::Error::from(error).to_string()).unclear())
            }
        },
    }
}
