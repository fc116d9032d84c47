//! The interface of all stores.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::object::{Download, ETag, Object, Page, Put, Read};

/// Largest page of a listing, in keys: S3's own limit.
pub const PAGE_SIZE: usize = 1000;

/// A store of objects: a bucket or a folder. Keys are full names; `/` in them has a meaning for people only.
#[async_trait]
pub trait ObjectStore: Send + Sync + Debug {
    /// Metadata of an object, without its body.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the object does not exist; any other kind.
    async fn head(&self, key: &str) -> Result<Object, StoreError>;

    /// Starts to read an object. The body is a stream; if it fails midway, the error is its last item.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::PreconditionFailed`] if the object is not the version in
    /// [`Read::if_match`]; any other kind.
    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError>;

    /// Writes an object atomically. Returns its new ETag.
    ///
    /// # Errors
    /// [`ErrorKind::PreconditionFailed`] if the condition does not hold; [`ErrorKind::Conflict`] if a
    /// concurrent write keeps the store from deciding. After an error with [`StoreError::is_unclear`] the
    /// object may have been written nevertheless.
    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError>;

    /// Deletes an object. Succeeds if the object does not exist.
    ///
    /// # Errors
    /// Any other kind.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// A page of the objects whose keys start with `prefix` and sort after `after`, in byte order of the
    /// keys; at most `limit` objects and at most [`PAGE_SIZE`].
    ///
    /// # Errors
    /// Any kind.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError>;

    /// Full address of a key for messages, such as `s3://bucket/key`.
    fn address(&self, key: &str) -> String;
}
