//! A store in a folder, with the conditional writes of S3: between threads and processes, and between
//! machines if the file system has atomic renames and flock.
//!
//! A key is the path of a file below the root. `.verbatim/locks` and `.verbatim/meta` below the root hold the
//! store's own files, which are not objects; nor are temporary files.

mod blocking;
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

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use self::blocking::blocking;
use self::error::failed;
use self::listing_cache::ListingCache;
use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, ETag, Object, Page, Put, Read};
use crate::object_store::ObjectStore;
use verbatim_files::temporary_file;

/// A store in a folder. It works on tokio's threads for blocking work; a cancelled write still runs to its
/// end.
#[derive(Clone, Debug)]
pub struct FsStore {
    root: Arc<Path>,
    listing_cache: Arc<ListingCache>,
}

impl FsStore {
    /// The store in a folder, which need not exist yet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the path is empty, or relative to a working folder that no longer exists.
    pub fn new(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let root = root.as_ref();
        let absolute = std::path::absolute(root).map_err(|error| {
            StoreError::new(ErrorKind::Invalid, format!("{} is not a folder: {error}", root.display()))
        })?;
        Ok(Self { root: absolute.into(), listing_cache: Arc::default() })
    }

    /// Creates the folder and its parents if missing. For destinations; a missing source stays an error: all
    /// its requests fail with [`ErrorKind::NoBucket`].
    ///
    /// # Errors
    /// Errors of the file system, such as [`ErrorKind::AccessDenied`].
    pub async fn create(&self) -> Result<(), StoreError> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let made = std::fs::create_dir_all(&root);
            made.map_err(|error| failed("create the folder", &root, &error))
        })
        .await
    }

    /// Removes temporary files that killed processes left, and not those of writes in progress. Reads all
    /// folders below the root: once a run is enough.
    ///
    /// # Errors
    /// Only the shutdown of the runtime. Files that cannot be removed stay, which does no harm.
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

    /// Path of a key.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        Ok(self.root.join(self.parts(key)?.iter().collect::<PathBuf>()))
    }

    fn parts<'k>(&self, key: &'k str) -> Result<Vec<&'k str>, StoreError> {
        key::parts(key).map_err(|why| {
            let message = format!("{key:?} is not a valid key in {}: {why}", self.root.display());
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
