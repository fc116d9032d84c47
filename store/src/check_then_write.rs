//! Stores without conditional writes: a workaround for them, and an imitation for tests.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{ErrorKind, StoreError};
use crate::object::{Condition, Download, ETag, Object, Page, Put, Read};
use crate::object_store::ObjectStore;

/// Checks the object before each conditional write, for a store that ignores conditions. Another writer may
/// write between check and write: work may then be done twice, but nothing is lost, and each object is the
/// whole of one write.
#[derive(Clone, Debug)]
pub struct CheckThenWriteStore {
    inner: Arc<dyn ObjectStore>,
}

impl CheckThenWriteStore {
    /// Checks the object before each conditional write to `inner`.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner }
    }
}

/// A store that ignores conditions, as some stores and proxies do. For tests.
#[derive(Clone, Debug)]
pub struct Unconditional {
    inner: Arc<dyn ObjectStore>,
}

impl Unconditional {
    /// Writes to `inner` whatever the condition.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl ObjectStore for CheckThenWriteStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.inner.head(key).await
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        self.inner.get(key, read).await
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        if put.condition != Condition::Always {
            let current = match self.inner.head(key).await {
                Ok(current) => Some(current.etag),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
            let wanted = match &put.condition {
                Condition::Matches(etag) => Some(etag),
                Condition::Always | Condition::Absent => None,
            };
            if current.as_ref() != wanted {
                let message = format!("{} is not as it was expected", self.address(key));
                return Err(StoreError::new(ErrorKind::PreconditionFailed, message));
            }
        }
        // The condition is sent as well: it does no harm, and some proxies forward it.
        self.inner.put(key, put).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.inner.list(prefix, after, limit).await
    }

    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}

#[async_trait]
impl ObjectStore for Unconditional {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.inner.head(key).await
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        self.inner.get(key, read).await
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        self.inner.put(key, Put { condition: Condition::Always, ..put }).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.inner.list(prefix, after, limit).await
    }

    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}
