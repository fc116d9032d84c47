//! A scripted store in memory, for tests of the decorators.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::error::{ErrorKind, StoreError};
use crate::memory::MemoryStore;
use crate::object::{Download, ETag, Object, Page, Put, Read};
use crate::object_store::ObjectStore;

/// Outcome of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Success.
    Succeed,
    /// Failure; nothing is done.
    Fail(ErrorKind),
    /// Failure; the store requests a delay of so many seconds.
    Throttle(u64),
    /// The request is carried out, and its answer is lost.
    LoseAnswer,
    /// The request never ends.
    Hang,
    /// The body fails after so many bytes.
    BreakAfter(usize),
    /// The body ends after so many bytes as if it were complete.
    EndAfter(usize),
    /// The body stalls after so many bytes.
    StallAfter(usize),
}

/// A request: operation, key and, for reads, the first byte.
pub(crate) type LoggedRequest = (&'static str, String, Option<u64>);

#[derive(Debug, Default)]
pub(crate) struct TestStore {
    pub(crate) inner: Arc<MemoryStore>,
    script: Mutex<VecDeque<Step>>,
    requests: Mutex<Vec<LoggedRequest>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// Bytes of an object of this size: no two parts of it are equal.
pub(crate) fn bytes(size: usize) -> Bytes {
    (0..size.div_ceil(4) as u32).flat_map(u32::to_le_bytes).take(size).collect::<Vec<u8>>().into()
}

impl TestStore {
    /// A store with one object, of [`bytes`].
    pub(crate) fn with(key: &str, size: usize) -> Self {
        let store = Self::default();
        futures::executor::block_on(store.inner.put(key, Put::new(bytes(size), "audio/wav"))).unwrap();
        store
    }

    /// Appends the outcome of the next unscripted request. Unscripted requests succeed.
    pub(crate) fn next(&self, step: Step) {
        lock(&self.script).push_back(step);
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.requests).clone()
    }

    async fn step(&self, operation: &'static str, key: &str, from: Option<u64>) -> Result<Step, StoreError> {
        lock(&self.requests).push((operation, key.to_owned(), from));
        let step = lock(&self.script).pop_front().unwrap_or(Step::Succeed);
        match step {
            Step::Fail(kind) => Err(StoreError::new(kind, "as scripted")),
            Step::Throttle(seconds) => Err(StoreError::new(ErrorKind::Throttled, "as scripted")
                .retry_after(Some(std::time::Duration::from_secs(seconds)))),
            Step::Hang => std::future::pending().await,
            other => Ok(other),
        }
    }

    fn answer<T>(step: Step, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        match step {
            Step::LoseAnswer => Err(StoreError::new(ErrorKind::Unavailable, "the answer is lost").unclear()),
            _ => answer,
        }
    }
}

#[async_trait]
impl ObjectStore for TestStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        let step = self.step("head", key, None).await?;
        Self::answer(step, self.inner.head(key).await)
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let from = read.range.as_ref().map(|range| range.start);
        let step = self.step("get", key, Some(from.unwrap_or(0))).await?;
        let download = self.inner.get(key, read).await?;
        let (Step::BreakAfter(some) | Step::EndAfter(some) | Step::StallAfter(some)) = step else {
            return Self::answer(step, Ok(download));
        };
        let object = download.object.clone();
        let first = download.bytes().await?.slice(..some);
        let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
        let body = match step {
            Step::StallAfter(_) => first.chain(stream::pending()).boxed(),
            Step::EndAfter(_) => first.boxed(),
            _ => {
                let broken = StoreError::new(ErrorKind::Unavailable, "the body broke off");
                first.chain(stream::iter([Err(broken)])).boxed()
            }
        };
        Ok(Download { object, body })
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        let step = self.step("put", key, None).await?;
        Self::answer(step, self.inner.put(key, put).await)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let step = self.step("delete", key, None).await?;
        Self::answer(step, self.inner.delete(key).await)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let step = self.step("list", prefix, None).await?;
        Self::answer(step, self.inner.list(prefix, after, limit).await)
    }

    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}
