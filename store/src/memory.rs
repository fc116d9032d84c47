//! A store in memory for tests and simulations, as strict as the strictest real one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::error::{ErrorKind, StoreError};
use crate::object::{Body, Condition, Download, ETag, Metadata, Object, Page, Put, Read};
use crate::object_store::{ObjectStore, PAGE_SIZE};

/// Largest part of a body, in bytes: small, so that tests get bodies in several parts.
const PART: usize = 64 << 10;

/// A store in memory. Each write gets a unique ETag.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<Objects>,
}

#[derive(Debug, Default)]
struct Objects {
    by_key: BTreeMap<String, Stored>,
    writes: u64,
}

#[derive(Clone, Debug)]
struct Stored {
    bytes: Bytes,
    etag: ETag,
    modified: SystemTime,
    metadata: Metadata,
}

impl Stored {
    fn object(&self, key: &str, metadata: bool) -> Object {
        Object {
            key: key.to_owned(),
            size: self.bytes.len() as u64,
            etag: self.etag.clone(),
            modified: Some(self.modified),
            metadata: if metadata { self.metadata.clone() } else { Metadata::new() },
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// All objects by key, for assertions.
    pub fn snapshot(&self) -> BTreeMap<String, Bytes> {
        self.lock().by_key.iter().map(|(key, stored)| (key.clone(), stored.bytes.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        // Each change is a single assignment, so a panicked thread leaves no partial state.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, key: &str) -> Result<Stored, StoreError> {
        self.lock()
            .by_key
            .get(key)
            .cloned()
            .ok_or_else(|| StoreError::new(ErrorKind::NotFound, format!("there is no {}", self.address(key))))
    }
}

fn refused(key: &str) -> StoreError {
    StoreError::new(ErrorKind::PreconditionFailed, format!("the condition for memory://{key} does not hold"))
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        Ok(self.found(key)?.object(key, true))
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let stored = self.found(key)?;
        if read.if_match.is_some_and(|wanted| wanted != stored.etag) {
            return Err(refused(key));
        }
        let object = stored.object(key, true);
        let all = stored.bytes.len();
        let clamp = |at: u64| usize::try_from(at).map_or(all, |at| at.min(all));
        let range = read.range.map_or(0..all, |range| clamp(range.start)..clamp(range.end));
        let bytes = stored.bytes.slice(range.start..range.end.max(range.start));
        let parts: Vec<_> =
            (0..bytes.len()).step_by(PART).map(|at| bytes.slice(at..bytes.len().min(at + PART))).collect();
        Ok(Download { object, body: stream::iter(parts).map(Ok).boxed() })
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        let bytes = match put.body {
            Body::Bytes(bytes) => bytes,
            Body::File(path) => std::fs::read(&path)
                .map_err(|error| {
                    StoreError::new(ErrorKind::Invalid, format!("failed to read {path:?}: {error}"))
                })?
                .into(),
        };
        let mut objects = self.lock();
        let holds = match (&put.condition, objects.by_key.get(key)) {
            (Condition::Always, _) | (Condition::Absent, None) => true,
            (Condition::Matches(wanted), Some(current)) => *wanted == current.etag,
            (Condition::Absent, Some(_)) | (Condition::Matches(_), None) => false,
        };
        if !holds {
            return Err(refused(key));
        }
        objects.writes += 1;
        let etag = ETag::new(format!("\"{}\"", objects.writes));
        // The time is the number of the write: simulations have no clock, and only the order matters.
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(objects.writes);
        let stored = Stored { bytes, etag: etag.clone(), modified, metadata: put.metadata };
        objects.by_key.insert(key.to_owned(), stored);
        Ok(etag)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.lock().by_key.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let objects = self.lock();
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut rest = objects
            .by_key
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, stored)| stored.object(key, false));
        let page: Vec<_> = rest.by_ref().take(limit.clamp(1, PAGE_SIZE)).collect();
        Ok(Page { objects: page, more: rest.next().is_some() })
    }

    fn address(&self, key: &str) -> String {
        format!("memory://{key}")
    }
}
