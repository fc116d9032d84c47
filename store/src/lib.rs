//! Object stores with conditional writes, behind one trait: nothing above [`ObjectStore`] knows which one it has.
//!
//! A store answers once and honestly: retries, time-outs and counting are decorators around it. Every error says what
//! failed, from a closed list ([`ErrorKind`]); whether another try may help is separate from it.

pub mod check_then_write;
pub mod counting;
pub mod error;
pub mod fs;
pub mod memory;
pub mod object;
pub mod retry;
pub mod s3;
#[cfg(test)]
mod test_store;
pub mod timeout;

use std::fmt::Debug;

use async_trait::async_trait;

pub use self::counting::{CountingStore, Operation, RequestCounts, RequestObserver};
pub use self::error::{ErrorKind, StoreError};
pub use self::fs::FsStore;
pub use self::object::{Body, Condition, Download, ETag, Object, Page, Put, Read};
pub use self::retry::{RetryPolicy, RetryingStore};
pub use self::s3::{S3Config, S3Store};
pub use self::timeout::{TimeoutStore, Timeouts};

/// Most keys that one page of a listing has, S3's own limit.
pub const PAGE_SIZE: usize = 1000;

/// A place for objects: a bucket, a folder. Keys are whole; `/` has a meaning for people only.
#[async_trait]
pub trait ObjectStore: Send + Sync + Debug {
    /// What is known of an object without reading it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none; others of the list.
    async fn head(&self, key: &str) -> Result<Object, StoreError>;

    /// Begins to read an object. The body comes as a stream; an error in its middle is its last item.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::PreconditionFailed`] where the object is not the one that
    /// [`Read::if_match`] names.
    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError>;

    /// Writes an object, whole or not at all. Gives its new tag.
    ///
    /// # Errors
    /// [`ErrorKind::PreconditionFailed`] where the condition does not hold; [`ErrorKind::Conflict`] where the store
    /// cannot tell because of a write at the same time. After any error with [`StoreError::is_unclear`] the object may
    /// have been written all the same.
    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError>;

    /// Removes an object. One that is not there is no error.
    ///
    /// # Errors
    /// Others of the list.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// A page of the objects whose keys begin with `prefix` and come after `after`, in the order of their keys' bytes;
    /// at most `limit` of them, and [`PAGE_SIZE`].
    ///
    /// # Errors
    /// Others of the list.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError>;

    /// The whole address of a key, for people, as `s3://bucket/key`.
    fn address(&self, key: &str) -> String;
}
