//! Stores without conditional writes: made bearable, and imitated.

use std::sync::Arc;

use async_trait::async_trait;

use crate::ObjectStore;
use crate::error::{ErrorKind, StoreError};
use crate::object::{Condition, Download, ETag, Object, Page, Put, Read};

/// Looks before it writes, for a store that ignores conditions. Between the look and the write another may write: work
/// can then be done twice, but nothing is lost, and each object is one writer's, whole.
#[derive(Clone, Debug)]
pub struct CheckThenWriteStore {
    inner: Arc<dyn ObjectStore>,
}

impl CheckThenWriteStore {
    /// Looks before it writes to `inner`.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner }
    }
}

/// Ignores conditions, as some stores and proxies do: for tests.
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
            let there = match self.inner.head(key).await {
                Ok(there) => Some(there.etag),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
            let wanted = match &put.condition {
                Condition::Matches(etag) => Some(etag),
                Condition::Always | Condition::Absent => None,
            };
            if there.as_ref() != wanted {
                let message = format!("{} is not as it was expected", self.address(key));
                return Err(StoreError::new(ErrorKind::PreconditionFailed, message));
            }
        }
        // The condition goes along: a proxy that lets some of them through does no harm.
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
