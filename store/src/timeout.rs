//! Timeouts of requests, as a decorator. A late request is [`ErrorKind::Unavailable`]; a write that timed out
//! may have happened nevertheless.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::unfold;
use tokio::time::timeout;

use crate::error::{ErrorKind, StoreError};
use crate::object::{Body, Download, ETag, Object, Page, Put, Read};
use crate::object_store::ObjectStore;

/// Limits on the duration of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the request to the start of its answer. 30 s: S3 answers most requests within 0.2 s, and a busy
    /// self-hosted store within seconds; with a limit near those, retries would add to its load.
    pub request: Duration,
    /// Between two parts of a body. 30 s: TCP needs about as long to detect a dead peer.
    pub part: Duration,
    /// Lowest rate at which a body is written, in bytes a second; adds to `request`. 256 KiB: slower than any
    /// network between a worker and its store, and 1 GiB still ends within 70 minutes.
    pub write_rate: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { request: Duration::from_secs(30), part: Duration::from_secs(30), write_rate: 256 << 10 }
    }
}

/// A store whose requests have a timeout.
#[derive(Debug)]
pub struct TimeoutStore {
    inner: Arc<dyn ObjectStore>,
    limits: Timeouts,
}

impl TimeoutStore {
    /// Adds timeouts to the requests of `inner`.
    pub fn new(inner: Arc<dyn ObjectStore>, limits: Timeouts) -> Self {
        Self { inner, limits }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        key: &str,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match timeout(limit, request).await {
            Ok(answer) => answer,
            Err(_) => Err(late(&self.inner.address(key), limit)),
        }
    }

    fn write_limit(&self, size: u64) -> Duration {
        self.limits.request + Duration::from_secs(size / self.limits.write_rate.max(1))
    }
}

fn late(address: &str, limit: Duration) -> StoreError {
    let message = format!("the store did not answer within {} s about {address}", limit.as_secs());
    StoreError::new(ErrorKind::Unavailable, message)
}

#[async_trait]
impl ObjectStore for TimeoutStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.within(self.limits.request, key, self.inner.head(key)).await
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let Download { object, body } =
            self.within(self.limits.request, key, self.inner.get(key, read)).await?;
        let (limit, address) = (self.limits.part, self.inner.address(key));
        let body = unfold((Some(body), address), move |(body, address)| async move {
            let mut body = body?;
            match timeout(limit, body.next()).await {
                Ok(part) => part.map(|part| (part, (Some(body), address))),
                Err(_) => Some((Err(late(&address, limit)), (None, address))),
            }
        });
        Ok(Download { object, body: body.boxed() })
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        let size = match &put.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            // The store reports a missing file.
            Body::File(path) => std::fs::metadata(path).map_or(0, |file| file.len()),
        };
        let limit = self.write_limit(size);
        match timeout(limit, self.inner.put(key, put)).await {
            Ok(answer) => answer,
            Err(_) => Err(late(&self.inner.address(key), limit).unclear()),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.within(self.limits.request, key, self.inner.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.within(self.limits.request, prefix, self.inner.list(prefix, after, limit)).await
    }

    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use tokio::time::Instant;

    use super::*;
    use crate::test_store::{Step, TestStore};

    fn timed(steps: &[Step]) -> TimeoutStore {
        let inner = TestStore::with("a", 100_000);
        steps.iter().for_each(|step| inner.next(*step));
        TimeoutStore::new(Arc::new(inner), Timeouts::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_times_out() {
        let store = timed(&[Step::Hang, Step::Hang, Step::Hang, Step::Hang]);
        let begun = Instant::now();
        for error in [
            store.head("a").await.unwrap_err(),
            store.get("a", Read::default()).await.unwrap_err(),
            store.delete("a").await.unwrap_err(),
            store.list("", None, 1).await.unwrap_err(),
        ] {
            assert_eq!((error.kind, error.is_unclear()), (ErrorKind::Unavailable, false));
        }
        assert_eq!(begun.elapsed().as_secs(), 4 * 30);
        store.head("a").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_write_has_a_longer_timeout_and_is_unclear_after_it() {
        let store = timed(&[Step::Hang]);
        let begun = Instant::now();
        let error = store.put("a", Put::new(vec![0; 10 << 20], "audio/wav")).await.unwrap_err();
        assert_eq!((error.kind, error.is_unclear()), (ErrorKind::Unavailable, true));
        assert_eq!(begun.elapsed().as_secs(), 30 + 40);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_body_ends_in_an_error() {
        let store = timed(&[Step::StallAfter(70_000)]);
        let mut body = store.get("a", Read::default()).await.unwrap().body;
        let mut read = 0;
        let error = loop {
            match body.try_next().await {
                Ok(Some(part)) => read += part.len(),
                Ok(None) => panic!("a whole body of {read} bytes"),
                Err(error) => break error,
            }
        };
        assert_eq!((read, error.kind), (70_000, ErrorKind::Unavailable));
        assert!(body.next().await.is_none());
    }
}
