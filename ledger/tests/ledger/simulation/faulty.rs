//! A store with faults, one for each worker, and counts of its requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use verbatim_store::{
    Condition, Download, ETag, ErrorKind, Object, ObjectStore, Page, Put, Read, StoreError,
};

/// Request counts so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestCounts {
    pub(crate) gets_of_recordings: u64,
    pub(crate) puts_of_transcripts: u64,
    pub(crate) others: u64,
    pub(crate) shards: u64,
    pub(crate) faults: u64,
    /// Keys of all writes.
    pub(crate) written: Vec<String>,
}

/// A store whose requests fail with a probability.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) random: Mutex<StdRng>,
    /// Probability that a request fails.
    pub(crate) failure_rate: f64,
    /// While true, no request proceeds: the worker is stalled.
    pub(crate) stalled: watch::Receiver<bool>,
    pub(crate) requests: Arc<Mutex<RequestCounts>>,
}

enum Fault {
    Nothing,
    Before(ErrorKind),
    After,
    /// The request is carried out long after its caller got the error.
    Late,
}

impl FaultyStore {
    pub(crate) fn new(
        inner: Arc<dyn ObjectStore>,
        seed: u64,
        failure_rate: f64,
        stalled: watch::Receiver<bool>,
        requests: Arc<Mutex<RequestCounts>>,
    ) -> Self {
        Self { inner, random: Mutex::new(StdRng::seed_from_u64(seed)), failure_rate, stalled, requests }
    }

    async fn draw_fault(&self) -> Fault {
        let _ = self.stalled.clone().wait_for(|stalled| !stalled).await;
        let (latency, fault) = {
            let mut random = self.random.lock().unwrap();
            let fault = if random.random_bool(self.failure_rate) {
                self.requests.lock().unwrap().faults += 1;
                match random.random_range(0..6) {
                    0 => Fault::Before(ErrorKind::Unavailable),
                    1 => Fault::Before(ErrorKind::Throttled),
                    2 => Fault::Before(ErrorKind::Conflict),
                    3 => Fault::Late,
                    _ => Fault::After,
                }
            } else {
                Fault::Nothing
            };
            (random.random_range(2..60), fault)
        };
        tokio::time::sleep(Duration::from_millis(latency)).await;
        let _ = self.stalled.clone().wait_for(|stalled| !stalled).await;
        fault
    }

    async fn read<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match self.draw_fault().await {
            Fault::Nothing => answer.await,
            Fault::Before(kind) => Err(StoreError::new(kind, "injected")),
            Fault::After | Fault::Late => Err(StoreError::new(ErrorKind::Unavailable, "injected")),
        }
    }

    fn count_other(&self) {
        self.requests.lock().unwrap().others += 1;
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.count_other();
        self.read(self.inner.head(key)).await
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        if key.starts_with("in/") {
            self.requests.lock().unwrap().gets_of_recordings += 1;
        } else {
            self.count_other();
        }
        self.read(self.inner.get(key, read)).await
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        {
            let mut requests = self.requests.lock().unwrap();
            if key.starts_with("out/.verbatim") {
                requests.others += 1;
            } else {
                requests.puts_of_transcripts += 1;
                assert_ne!(put.condition, Condition::Always, "a transcript without a condition");
            }
        }
        let fault = self.draw_fault().await;
        let write = async |inner: Arc<dyn ObjectStore>,
                           requests: Arc<Mutex<RequestCounts>>,
                           key: String,
                           put: Put| {
            let written = inner.put(&key, put).await;
            if written.is_ok() {
                requests.lock().unwrap().written.push(key);
            }
            written
        };
        let (inner, requests, key) = (Arc::clone(&self.inner), Arc::clone(&self.requests), key.to_owned());
        match fault {
            Fault::Nothing => write(inner, requests, key, put).await,
            Fault::Before(kind) => Err(StoreError::new(kind, "injected")),
            Fault::After => {
                let _ = write(inner, requests, key, put).await;
                Err(StoreError::new(ErrorKind::Unavailable, "injected").unclear())
            }
            Fault::Late => {
                let late = self.random.lock().unwrap().random_range(1..120);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(late)).await;
                    let _ = write(inner, requests, key, put).await;
                });
                Err(StoreError::new(ErrorKind::Unavailable, "injected").unclear())
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.count_other();
        self.read(self.inner.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.count_other();
        self.read(self.inner.list(prefix, after, limit)).await
    }

    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}
