//! Reads and lists objects of a ledger, for plan, claims, outcomes and report.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use verbatim_store::{ETag, Object, ObjectStore, PAGE_SIZE, Read, StoreError};

use crate::keys::Ledger;

/// Attempts to read an object while others replace it. A claim is replaced every third of a lease: twice in a
/// row is rare.
const READS: usize = 5;

/// A small object in full; `None` if it does not exist.
pub(crate) async fn read(store: &dyn ObjectStore, key: &str) -> Result<Option<(Object, Bytes)>, StoreError> {
    let mut reads = 0;
    loop {
        reads += 1;
        let download = match store.get(key, Read::default()).await {
            Ok(download) => download,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let object = download.object.clone();
        match download.bytes().await {
            Ok(bytes) => return Ok(Some((object, bytes))),
            // An interrupted body resumes only in the same version.
            Err(error) if error.is_precondition_failed() && reads < READS => {}
            Err(error) => return Err(error),
        }
    }
}

/// Version of an object, and the time of its write by the store's clock.
pub(crate) type Version = (ETag, Option<SystemTime>);

/// Shards that have an object below a prefix of the ledger.
pub(crate) async fn shards(ledger: &Ledger, prefix: &str) -> Result<BTreeMap<u32, Version>, StoreError> {
    let mut shards = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = ledger.store().list(prefix, after.as_deref(), PAGE_SIZE).await?;
        after = page.objects.last().map(|object| object.key.clone());
        for object in page.objects {
            if let Some(shard) = ledger.shard_of(&object.key) {
                shards.insert(shard, (object.etag, object.modified));
            }
        }
        if !page.more || after.is_none() {
            return Ok(shards);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use futures::{StreamExt, stream};
    use verbatim_store::memory::MemoryStore;
    use verbatim_store::{Download, ErrorKind, Page, Put};

    use super::*;

    /// A store whose bodies fail so many times because the object was replaced.
    #[derive(Debug)]
    struct ReplacingStore(MemoryStore, AtomicUsize);

    #[async_trait]
    impl ObjectStore for ReplacingStore {
        async fn head(&self, key: &str) -> Result<Object, StoreError> {
            self.0.head(key).await
        }
        async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
            let mut download = self.0.get(key, read).await?;
            if self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                let replaced = StoreError::new(ErrorKind::PreconditionFailed, "replaced");
                download.body = stream::iter([Err(replaced)]).boxed();
            }
            Ok(download)
        }
        async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
            self.0.put(key, put).await
        }
        async fn delete(&self, key: &str) -> Result<(), StoreError> {
            self.0.delete(key).await
        }
        async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
            self.0.list(prefix, after, limit).await
        }
        fn address(&self, key: &str) -> String {
            self.0.address(key)
        }
    }

    #[tokio::test]
    async fn an_object_that_is_replaced_during_a_read_is_read_again() {
        let store = ReplacingStore(MemoryStore::new(), AtomicUsize::new(2));
        assert!(read(&store, "claim").await.unwrap().is_none());
        store.put("claim", Put::new("new", "text/plain")).await.unwrap();
        assert_eq!(read(&store, "claim").await.unwrap().unwrap().1, "new");
        store.1.store(READS, Ordering::SeqCst);
        assert!(read(&store, "claim").await.unwrap_err().is_precondition_failed());
    }
}
