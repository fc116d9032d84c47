//! Request counts, as a decorator directly around the store, so that each retry counts.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::unfold;
use tokio::time::Instant;

use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, ETag, Object, Page, Put, Read};
use crate::object_store::ObjectStore;

/// Operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// [`ObjectStore::head`].
    Head,
    /// [`ObjectStore::get`].
    Get,
    /// [`ObjectStore::put`].
    Put,
    /// [`ObjectStore::delete`].
    Delete,
    /// [`ObjectStore::list`].
    List,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 5] = [Self::Head, Self::Get, Self::Put, Self::Delete, Self::List];

    /// Name of the operation in logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Get => "get",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::List => "list",
        }
    }
}

/// Observer of requests.
pub trait RequestObserver: Send + Sync + Debug {
    /// Reports a finished request, with the kind of its error if it failed. `took` is the time until the
    /// answer started. A body that fails later turns the outcome into an error. A cancelled request is
    /// [`ErrorKind::Unavailable`].
    fn on_request(&self, operation: Operation, outcome: Option<ErrorKind>, took: Duration);
}

/// A store that reports its requests to an observer.
#[derive(Debug)]
pub struct CountingStore {
    inner: Arc<dyn ObjectStore>,
    observer: Arc<dyn RequestObserver>,
}

impl CountingStore {
    /// Reports the requests of `inner` to `observer`.
    pub fn new(inner: Arc<dyn ObjectStore>, observer: Arc<dyn RequestObserver>) -> Self {
        Self { inner, observer }
    }

    fn start(&self, operation: Operation) -> PendingRequest {
        PendingRequest {
            observer: Arc::clone(&self.observer),
            operation,
            started: Instant::now(),
            took: None,
            outcome: Some(ErrorKind::Unavailable),
        }
    }
}

/// A request in progress. It is reported on drop, so that cancelled requests are reported too.
struct PendingRequest {
    observer: Arc<dyn RequestObserver>,
    operation: Operation,
    started: Instant,
    took: Option<Duration>,
    outcome: Option<ErrorKind>,
}

impl PendingRequest {
    fn set_outcome<T>(&mut self, answer: &Result<T, StoreError>) {
        self.took = Some(self.started.elapsed());
        self.outcome = answer.as_ref().err().map(|error| error.kind);
    }

    fn finish<T>(mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.set_outcome(&answer);
        answer
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        let took = self.took.unwrap_or_else(|| self.started.elapsed());
        self.observer.on_request(self.operation, self.outcome, took);
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        let pending = self.start(Operation::Head);
        pending.finish(self.inner.head(key).await)
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let mut pending = self.start(Operation::Get);
        let answer = self.inner.get(key, read).await;
        pending.set_outcome(&answer);
        let Download { object, body } = answer?;
        let body = unfold((body, pending), |(mut body, mut pending)| async move {
            let part = body.next().await?;
            if let Err(error) = &part {
                pending.outcome = Some(error.kind);
            }
            Some((part, (body, pending)))
        });
        Ok(Download { object, body: body.boxed() })
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        let pending = self.start(Operation::Put);
        pending.finish(self.inner.put(key, put).await)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let pending = self.start(Operation::Delete);
        pending.finish(self.inner.delete(key).await)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let pending = self.start(Operation::List);
        pending.finish(self.inner.list(prefix, after, limit).await)
    }

    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}

/// Number of outcomes: success, and each kind of error.
const OUTCOMES: usize = ErrorKind::ALL.len() + 1;

/// Request counts, for tests and log lines.
#[derive(Debug, Default)]
pub struct RequestCounts {
    by: [[AtomicU64; OUTCOMES]; Operation::ALL.len()],
}

impl RequestCounts {
    /// All counts at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests of an operation, whatever their outcome.
    pub fn of(&self, operation: Operation) -> u64 {
        self.by[operation as usize].iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Requests of an operation with this outcome.
    pub fn with_outcome(&self, operation: Operation, outcome: Option<ErrorKind>) -> u64 {
        self.by[operation as usize][index(outcome)].load(Ordering::Relaxed)
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        Operation::ALL.iter().map(|operation| self.of(*operation)).sum()
    }

    /// Writes whose condition did not hold.
    pub fn refused_writes(&self) -> u64 {
        self.with_outcome(Operation::Put, Some(ErrorKind::PreconditionFailed))
    }
}

impl RequestObserver for RequestCounts {
    fn on_request(&self, operation: Operation, outcome: Option<ErrorKind>, _took: Duration) {
        self.by[operation as usize][index(outcome)].fetch_add(1, Ordering::Relaxed);
    }
}

fn index(outcome: Option<ErrorKind>) -> usize {
    outcome.map_or(0, |kind| 1 + kind as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::object::Condition;
    use crate::test_store::{Step, TestStore};

    fn counted(inner: Arc<dyn ObjectStore>) -> (CountingStore, Arc<RequestCounts>) {
        let counts = Arc::new(RequestCounts::new());
        (CountingStore::new(inner, Arc::clone(&counts) as Arc<dyn RequestObserver>), counts)
    }

    #[tokio::test]
    async fn each_request_counts_once_with_its_outcome() {
        let (store, counts) = counted(Arc::new(MemoryStore::new()));
        let create = || store.put("a", Put::new("text", "text/plain").when(Condition::Absent));
        create().await.unwrap();
        create().await.unwrap_err();
        store.head("a").await.unwrap();
        store.head("b").await.unwrap_err();
        store.get("a", Read::default()).await.unwrap().bytes().await.unwrap();
        store.list("", None, 10).await.unwrap();
        store.delete("a").await.unwrap();

        assert_eq!((counts.of(Operation::Put), counts.refused_writes()), (2, 1));
        assert_eq!(counts.with_outcome(Operation::Head, None), 1);
        assert_eq!(counts.with_outcome(Operation::Head, Some(ErrorKind::NotFound)), 1);
        assert_eq!(counts.with_outcome(Operation::Get, None), 1);
        assert_eq!((counts.of(Operation::List), counts.of(Operation::Delete)), (1, 1));
        assert_eq!(counts.total(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_body_and_a_cancelled_request_are_errors() {
        let inner = TestStore::with("a", 100_000);
        inner.next(Step::BreakAfter(10));
        inner.next(Step::Hang);
        let (store, counts) = counted(Arc::new(inner));
        store.get("a", Read::default()).await.unwrap().bytes().await.unwrap_err();
        assert_eq!(counts.with_outcome(Operation::Get, Some(ErrorKind::Unavailable)), 1);

        tokio::time::timeout(Duration::from_secs(1), store.head("a")).await.unwrap_err();
        assert_eq!(counts.with_outcome(Operation::Head, Some(ErrorKind::Unavailable)), 1);
        assert_eq!(counts.total(), 2);
    }

    #[test]
    fn every_outcome_has_its_own_index() {
        let places: std::collections::BTreeSet<_> =
            std::iter::once(None).chain(ErrorKind::ALL.map(Some)).map(index).collect();
        assert_eq!((places.len(), places.last()), (OUTCOMES, Some(&(OUTCOMES - 1))));
    }
}
