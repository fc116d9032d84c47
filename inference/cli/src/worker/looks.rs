//! Looks at the whole job, for those who ask: rarely, one at a time, and beside their questions.

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

/// Least time between two looks. What a look finds new is mostly in claims, which are written every 10 s (a third of the
/// lease, as it is by default): with two looks in that time none is seen late, and more would see the same again. A look
/// costs a GET, two or more LISTs, and a GET for each claim and outcome that is new.
const BETWEEN: Duration = Duration::from_secs(5);

/// Longest time of a look: a store that leaves one request open is asked anew. What was read until then is kept, so that the
/// next look gets further: the first one at a job of 5,000 shards may need it.
const LONGEST: Duration = Duration::from_secs(8);

/// Longest time that a question waits for the look under way; then it is answered with the one before. Most looks take a
/// tenth of it, so that answers are fresh; and the operator, who gives an answer 3 s, always gets one.
const PATIENCE: Duration = Duration::from_millis(500);

/// Looks at a job.
#[derive(Debug)]
pub struct Looks {
    /// The runtime that stores are talked to on: those who ask may be on another one.
    stores: Handle,
    between: Duration,
    longest: Duration,
    patience: Duration,
    reader: Arc<Mutex<StatusReader>>,
    known: watch::Sender<Known>,
}

/// What came of looks.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Whether one is under way.
    looking: bool,
    /// When the last one ended, whatever came of it.
    tried: Option<Instant>,
    /// Why the last one came to nothing.
    failed: Option<String>,
    last: Option<(Instant, JobProgress)>,
}

impl Looks {
    /// Nobody has looked yet. Requests are made on `stores`.
    pub fn new(ledger: Ledger, stores: Handle) -> Self {
        let reader = Arc::new(Mutex::new(StatusReader::new(ledger)));
        let (between, longest, patience) = (BETWEEN, LONGEST, PATIENCE);
        Self { stores, between, longest, patience, reader, known: watch::Sender::default() }
    }

    /// Begins a look, if it is time for one and none is under way.
    fn begin(&self) {
        let begins = self.known.send_if_modified(|known| {
            let due = known.tried.is_none_or(|tried| tried.elapsed() >= self.between);
            let begins = due && !known.looking;
            known.looking |= begins;
            begins
        });
        if !begins {
            return;
        }
        let (reader, longest) = (Arc::clone(&self.reader), self.longest);
        let look = self.stores.spawn(async move {
            match tokio::time::timeout(longest, reader.lock().await.read()).await {
                Ok(Ok(status)) => Ok(status.progress),
                Ok(Err(error)) => Err(error_chain(&error)),
                Err(_) => Err(format!("the store did not tell all within {longest:?}; ask again")),
            }
        });
        let known = self.known.clone();
        // It goes on when nobody waits for it any more.
        self.stores.spawn(async move {
            let looked =
                look.await.unwrap_or_else(|error| Err(format!("the look at the job has died: {error}")));
            let now = Instant::now();
            known.send_modify(|known| {
                (known.looking, known.tried) = (false, Some(now));
                match looked {
                    Ok(job) => (known.last, known.failed) = (Some((now, job)), None),
                    Err(why) => known.failed = Some(why),
                }
            });
        });
    }
}

#[async_trait]
impl JobProgressSource for Looks {
    async fn job_progress(&self) -> Result<CachedJobProgress, JobProgressError> {
        self.begin();
        let (mut known, patience) = (self.known.subscribe(), self.patience);
        // On the runtime that has a clock in any case.
        let waits = self.stores.spawn(async move {
            let _ = tokio::time::timeout(patience, known.wait_for(|known| !known.looking)).await;
        });
        // Only a runtime that ends keeps it from its end.
        let _ = waits.await;
        let known = self.known.borrow().clone();
        match (known.last, known.failed) {
            (Some((when, job)), _) => Ok(CachedJobProgress { job, age: when.elapsed() }),
            (None, Some(why)) if !known.looking => Err(JobProgressError::Failed(why)),
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

    fn looks(between: Duration) -> (Looks, Arc<Count>, Arc<MemoryStore>) {
        let (store, count) = (Arc::new(MemoryStore::new()), Arc::new(Count::default()));
        let counted = CountingStore::new(
            Arc::clone(&store) as Arc<dyn ObjectStore>,
            Arc::clone(&count) as Arc<dyn RequestObserver>,
        );
        let ledger = Ledger::new(StoreLocation { store: Arc::new(counted), prefix: String::new() }, "uid");
        (Looks { between, ..Looks::new(ledger, Handle::current()) }, count, store)
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
    fn many_who_ask_at_once_cost_one_look() {
        run(async {
            let (looks, count, _) = looks(Duration::from_secs(3600));
            for seen in futures::future::join_all((0..20).map(|_| looks.job_progress())).await {
                assert_eq!(seen.unwrap().job.phase, LedgerPhase::Unplanned);
            }
            assert_eq!(count.0.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn a_look_that_fails_leaves_the_last_one() {
        run(async {
            let (looks, _, store) = looks(Duration::ZERO);
            let key = ".verbatim/uid/plan.json";
            store.put(key, Put::new("nonsense", "application/json")).await.unwrap();
            assert!(matches!(looks.job_progress().await, Err(JobProgressError::Failed(_))));
            store.delete(key).await.unwrap();
            assert_eq!(looks.job_progress().await.unwrap().job, JobProgress::default());
            store.put(key, Put::new("nonsense", "application/json")).await.unwrap();
            assert_eq!(looks.job_progress().await.unwrap().job, JobProgress::default());
        });
    }

    /// Of a store that never answers.
    fn silent() -> Looks {
        let ledger = Ledger::new(StoreLocation { store: Arc::new(Silent), prefix: String::new() }, "uid");
        Looks::new(ledger, Handle::current())
    }

    #[test]
    fn a_look_that_takes_too_long_is_given_up() {
        run(async {
            let looks = Looks { longest: Duration::from_millis(20), patience: LONGEST, ..silent() };
            for _ in 0..2 {
                let Err(JobProgressError::Failed(why)) = looks.job_progress().await else { panic!() };
                assert!(why.contains("within 20ms"), "{why}");
            }
        });
    }

    #[test]
    fn a_question_does_not_wait_for_a_slow_store() {
        run(async {
            let looks = Looks { between: Duration::ZERO, patience: Duration::from_millis(20), ..silent() };
            let begun = Instant::now();
            assert_eq!(looks.job_progress().await, Err(JobProgressError::Pending));
            // What was seen before is told while the store does not answer.
            let job = JobProgress { files: 7, ..JobProgress::default() };
            looks.known.send_modify(|known| known.last = Some((begun, job.clone())));
            assert_eq!(looks.job_progress().await.unwrap().job, job);
            assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
        });
    }
}
