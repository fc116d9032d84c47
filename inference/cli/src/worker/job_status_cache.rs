//! Status of the whole job for `/job`: read from the ledger rarely, one read at a time, independent of
//! requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};
use verbatim_crds::contract::messages::JobProgress;
use verbatim_ledger::keys::Ledger;
use verbatim_ledger::status::StatusReader;

use verbatim_supervisor::http::{CachedJobProgress, JobProgressError, JobProgressSource};
use verbatim_text::error_chain;

/// Shortest interval between two reads. News is mostly in claims, which are written every 10 s (a third of
/// the default lease): two reads in that time see every claim in time, and more would see the same again. A
/// read costs a GET, two or more LISTs, and a GET per new claim and outcome.
const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// Time limit of a read: a request that a store leaves open is repeated. The ledger's reader keeps what it
/// has read, so that the next read gets further; the first read of a job of 5,000 shards may need that.
const READ_TIMEOUT: Duration = Duration::from_secs(8);

/// Time limit for a request to wait for the read in progress; after it, the previous status is the answer.
/// Most reads take a tenth of it, so that answers are fresh. The operator, which waits 3 s for an answer,
/// always gets one.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// Cached status of a job.
#[derive(Debug)]
pub struct JobStatusCache {
    /// Runtime for requests to stores; callers may be on another one.
    stores: Handle,
    min_interval: Duration,
    read_timeout: Duration,
    max_wait: Duration,
    reader: Arc<Mutex<StatusReader>>,
    state: watch::Sender<State>,
}

/// Results of reads so far.
#[derive(Clone, Debug, Default)]
struct State {
    /// Whether a read is in progress.
    reading: bool,
    /// End of the last read, successful or not.
    ended: Option<Instant>,
    /// Error of the last read, if it failed.
    error: Option<String>,
    /// The last status, and when it was read.
    last: Option<(Instant, JobProgress)>,
}

impl JobStatusCache {
    /// Without a status yet. Requests run on `stores`.
    pub fn new(ledger: Ledger, stores: Handle) -> Self {
        let reader = Arc::new(Mutex::new(StatusReader::new(ledger)));
        let (min_interval, read_timeout, max_wait) = (MIN_INTERVAL, READ_TIMEOUT, MAX_WAIT);
        let state = watch::Sender::default();
        Self { stores, min_interval, read_timeout, max_wait, reader, state }
    }

    /// Starts a read, unless one is in progress or the last one is recent.
    fn refresh_if_due(&self) {
        let starts = self.state.send_if_modified(|state| {
            let due = state.ended.is_none_or(|ended| ended.elapsed() >= self.min_interval);
            let starts = due && !state.reading;
            state.reading |= starts;
            starts
        });
        if !starts {
            return;
        }
        let (reader, limit) = (Arc::clone(&self.reader), self.read_timeout);
        let read = self.stores.spawn(async move {
            match tokio::time::timeout(limit, reader.lock().await.read()).await {
                Ok(Ok(status)) => Ok(status.progress),
                Ok(Err(error)) => Err(error_chain(&error)),
                Err(_) => Err(format!("failed to read the ledger within {limit:?}; try again")),
            }
        });
        let state = self.state.clone();
        // Continues even if no request waits for it any more.
        self.stores.spawn(async move {
            let result =
                read.await.unwrap_or_else(|error| Err(format!("failed to read the ledger: {error}")));
            let now = Instant::now();
            state.send_modify(|state| {
                (state.reading, state.ended) = (false, Some(now));
                match result {
                    Ok(job) => (state.last, state.error) = (Some((now, job)), None),
                    Err(error) => state.error = Some(error),
                }
            });
        });
    }
}

#[async_trait]
impl JobProgressSource for JobStatusCache {
    async fn job_progress(&self) -> Result<CachedJobProgress, JobProgressError> {
        self.refresh_if_due();
        let (mut state, max_wait) = (self.state.subscribe(), self.max_wait);
        // On the stores' runtime, which certainly has a clock.
        let waiting = self.stores.spawn(async move {
            let _ = tokio::time::timeout(max_wait, state.wait_for(|state| !state.reading)).await;
        });
        // Fails only while the runtime shuts down.
        let _ = waiting.await;
        let state = self.state.borrow().clone();
        match (state.last, state.error) {
            (Some((when, job)), _) => Ok(CachedJobProgress { job, age: when.elapsed() }),
            (None, Some(why)) if !state.reading => Err(JobProgressError::Failed(why)),
            (None, _) => Err(JobProgressError::Pending),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use verbatim_crds::contract::messages::LedgerPhase;
    use verbatim_ledger::store_location::StoreLocation;
    use verbatim_store::memory::MemoryStore;
    use verbatim_store::{
        CountingStore, Download, ETag, ErrorKind, Object, ObjectStore, Operation, Page, Put, Read,
        RequestObserver, StoreError,
    };

    use super::*;

    #[derive(Debug, Default)]
    struct Count(AtomicUsize);

    impl RequestObserver for Count {
        fn on_request(&self, _: Operation, _: Option<ErrorKind>, _: Duration) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A store that never answers.
    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl ObjectStore for Silent {
        async fn head(&self, _: &str) -> Result<Object, StoreError> {
            pending().await
        }
        async fn get(&self, _: &str, _: Read) -> Result<Download, StoreError> {
            pending().await
        }
        async fn put(&self, _: &str, _: Put) -> Result<ETag, StoreError> {
            pending().await
        }
        async fn delete(&self, _: &str) -> Result<(), StoreError> {
            pending().await
        }
        async fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<Page, StoreError> {
            pending().await
        }
        fn address(&self, key: &str) -> String {
            key.to_owned()
        }
    }

    fn cache(min_interval: Duration) -> (JobStatusCache, Arc<Count>, Arc<MemoryStore>) {
        let (store, count) = (Arc::new(MemoryStore::new()), Arc::new(Count::default()));
        let counted = CountingStore::new(
            Arc::clone(&store) as Arc<dyn ObjectStore>,
            Arc::clone(&count) as Arc<dyn RequestObserver>,
        );
        let ledger = Ledger::new(StoreLocation { store: Arc::new(counted), prefix: String::new() }, "uid");
        (JobStatusCache { min_interval, ..JobStatusCache::new(ledger, Handle::current()) }, count, store)
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap()
            .block_on(test);
    }

    #[test]
    fn concurrent_requests_cost_one_read() {
        run(async {
            let (cache, count, _) = cache(Duration::from_secs(3600));
            for seen in futures::future::join_all((0..20).map(|_| cache.job_progress())).await {
                assert_eq!(seen.unwrap().job.phase, LedgerPhase::Unplanned);
            }
            assert_eq!(count.0.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn a_failed_read_keeps_the_last_status() {
        run(async {
            let (cache, _, store) = cache(Duration::ZERO);
            let key = ".verbatim/uid/plan.json";
            store.put(key, Put::new("nonsense", "application/json")).await.unwrap();
            assert!(matches!(cache.job_progress().await, Err(JobProgressError::Failed(_))));
            store.delete(key).await.unwrap();
            assert_eq!(cache.job_progress().await.unwrap().job, JobProgress::default());
            store.put(key, Put::new("nonsense", "application/json")).await.unwrap();
            assert_eq!(cache.job_progress().await.unwrap().job, JobProgress::default());
        });
    }

    /// The cache of a job in a store that never answers.
    fn silent() -> JobStatusCache {
        let ledger = Ledger::new(StoreLocation { store: Arc::new(Silent), prefix: String::new() }, "uid");
        JobStatusCache::new(ledger, Handle::current())
    }

    #[test]
    fn a_slow_read_is_cancelled() {
        run(async {
            let cache = JobStatusCache {
                read_timeout: Duration::from_millis(20),
                max_wait: READ_TIMEOUT,
                ..silent()
            };
            for _ in 0..2 {
                let Err(JobProgressError::Failed(why)) = cache.job_progress().await else { panic!() };
                assert!(why.contains("within 20ms"), "{why}");
            }
        });
    }

    #[test]
    fn a_request_does_not_wait_for_a_slow_store() {
        run(async {
            let max_wait = Duration::from_millis(20);
            let cache = JobStatusCache { min_interval: Duration::ZERO, max_wait, ..silent() };
            let started = Instant::now();
            assert_eq!(cache.job_progress().await, Err(JobProgressError::Pending));
            // The previous status is the answer while the store does not answer.
            let job = JobProgress { files: 7, ..JobProgress::default() };
            cache.state.send_modify(|state| state.last = Some((started, job.clone())));
            assert_eq!(cache.job_progress().await.unwrap().job, job);
            assert!(started.elapsed() < READ_TIMEOUT, "{:?}", started.elapsed());
        });
    }
}
