//! Counts the requests to a store. It sits directly around the real one, so that each retry counts.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::unfold;
use tokio::time::Instant;

use crate::ObjectStore;
use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, ETag, Object, Page, Put, Read};

/// What is asked of a store.
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
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Head, Self::Get, Self::Put, Self::Delete, Self::List];

    /// The operation as logs and metric labels carry it.
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

/// Who is told of requests.
pub trait Requests: Send + Sync + Debug {
    /// A request is over, with an error's kind or well. `took` is the time until its answer began; a body that broke
    /// off later makes the outcome an error. A request that was given up is [`ErrorKind::Unavailable`].
    fn request(&self, operation: Operation, outcome: Option<ErrorKind>, took: Duration);
}

/// A store whose requests are told to an observer.
#[derive(Debug)]
pub struct Counted {
    inner: Arc<dyn ObjectStore>,
    requests: Arc<dyn Requests>,
}

impl Counted {
    /// Tells `requests` of the requests to `inner`.
    pub fn new(inner: Arc<dyn ObjectStore>, requests: Arc<dyn Requests>) -> Self {
        Self { inner, requests }
    }

    fn begin(&self, operation: Operation) -> Running {
        Running {
            requests: Arc::clone(&self.requests),
            operation,
            begun: Instant::now(),
            took: None,
            outcome: Some(ErrorKind::Unavailable),
        }
    }
}

/// A request that runs. It is told when this is dropped, so one that is given up is told too.
struct Running {
    requests: Arc<dyn Requests>,
    operation: Operation,
    begun: Instant,
    took: Option<Duration>,
    outcome: Option<ErrorKind>,
}

impl Running {
    fn answered<T>(&mut self, answer: &Result<T, StoreError>) {
        self.took = Some(self.begun.elapsed());
        self.outcome = answer.as_ref().err().map(|error| error.kind);
    }

    fn over<T>(mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.answered(&answer);
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let took = self.took.unwrap_or_else(|| self.begun.elapsed());
        self.requests.request(self.operation, self.outcome, took);
    }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        let running = self.begin(Operation::Head);
        running.over(self.inner.head(key).await)
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let mut running = self.begin(Operation::Get);
        let answer = self.inner.get(key, read).await;
        running.answered(&answer);
        let Download { object, body } = answer?;
        let body = unfold((body, running), |(mut body, mut running)| async move {
            let part = body.next().await?;
            if let Err(error) = &part {
                running.outcome = Some(error.kind);
            }
            Some((part, (body, running)))
        });
        Ok(Download { object, body: body.boxed() })
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        let running = self.begin(Operation::Put);
        running.over(self.inner.put(key, put).await)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let running = self.begin(Operation::Delete);
        running.over(self.inner.delete(key).await)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let running = self.begin(Operation::List);
        running.over(self.inner.list(prefix, after, limit).await)
    }

    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}

/// Outcomes: well, and each kind of error.
const OUTCOMES: usize = ErrorKind::ALL.len() + 1;

/// Counts, for tests and for a line in a log.
#[derive(Debug, Default)]
pub struct Counts {
    by: [[AtomicU64; OUTCOMES]; Operation::ALL.len()],
}

impl Counts {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests of an operation, whatever came of them.
    pub fn of(&self, operation: Operation) -> u64 {
        self.by[operation as usize].iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Requests of an operation with this outcome.
    pub fn with(&self, operation: Operation, outcome: Option<ErrorKind>) -> u64 {
        self.by[operation as usize][index(outcome)].load(Ordering::Relaxed)
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        Operation::ALL.iter().map(|operation| self.of(*operation)).sum()
    }

    /// Writes whose condition did not hold.
    pub fn refused_writes(&self) -> u64 {
        self.with(Operation::Put, Some(ErrorKind::PreconditionFailed))
    }
}

impl Requests for Counts {
    fn request(&self, operation: Operation, outcome: Option<ErrorKind>, _took: Duration) {
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
    use crate::scripted::{Scripted, Step};

    fn counted(inner: Arc<dyn ObjectStore>) -> (Counted, Arc<Counts>) {
        let counts = Arc::new(Counts::new());
        (Counted::new(inner, Arc::clone(&counts) as Arc<dyn Requests>), counts)
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
        assert_eq!(counts.with(Operation::Head, None), 1);
        assert_eq!(counts.with(Operation::Head, Some(ErrorKind::NotFound)), 1);
        assert_eq!(counts.with(Operation::Get, None), 1);
        assert_eq!((counts.of(Operation::List), counts.of(Operation::Delete)), (1, 1));
        assert_eq!(counts.total(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_body_and_a_request_that_is_given_up_are_errors() {
        let inner = Scripted::with("a", 100_000);
        inner.next(Step::BreakAfter(10));
        inner.next(Step::Hang);
        let (store, counts) = counted(Arc::new(inner));
        store.get("a", Read::default()).await.unwrap().bytes().await.unwrap_err();
        assert_eq!(counts.with(Operation::Get, Some(ErrorKind::Unavailable)), 1);

        tokio::time::timeout(Duration::from_secs(1), store.head("a")).await.unwrap_err();
        assert_eq!(counts.with(Operation::Head, Some(ErrorKind::Unavailable)), 1);
        assert_eq!(counts.total(), 2);
    }

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        let places: std::collections::BTreeSet<_> =
            std::iter::once(None).chain(ErrorKind::ALL.map(Some)).map(index).collect();
        assert_eq!((places.len(), places.last()), (OUTCOMES, Some(&(OUTCOMES - 1))));
    }
}
