//! Looks at the whole job, for those who ask: rarely, one at a time, and never for long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use verbatim_crds::contract::messages::JobProgress;
use verbatim_ledger::names::Ledger;
use verbatim_ledger::progress;
use verbatim_ledger::status::Observer;

use crate::cli::say::chain;
use crate::supervisor::http::{AskJob, Seen};

/// Least time between two looks. What a look finds new is mostly in claims, which are written every 10 s (a third of the
/// lease, as it is by default): with two looks in that time none is seen late, and more would see the same again. A look
/// costs a GET, two or more LISTs, and a GET for each claim and outcome that is new.
const BETWEEN: Duration = Duration::from_secs(5);

/// Longest time of a look: scrapers wait 10 s for an answer, and one that still comes is better. What was read until then
/// is kept, so that the next look gets further: the first one at a job of 5,000 shards may need it.
const LONGEST: Duration = Duration::from_secs(8);

/// Looks at a job.
#[derive(Debug)]
pub struct Looks {
    /// The runtime that stores are talked to on: those who ask may be on another one.
    stores: Handle,
    between: Duration,
    longest: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    observer: Observer,
    /// When it was looked last, whatever came of it.
    tried: Option<Instant>,
    /// Why the last look came to nothing.
    failed: Option<String>,
    last: Option<(Instant, JobProgress)>,
}

impl Looks {
    /// Nobody has looked yet. Requests are made on `stores`.
    pub fn new(ledger: Ledger, stores: Handle) -> Self {
        let observer = Observer::new(ledger.clone());
        let state = State { ledger, observer, tried: None, failed: None, last: None };
        Self { stores, between: BETWEEN, longest: LONGEST, state: Arc::new(Mutex::new(state)) }
    }
}

#[async_trait]
impl AskJob for Looks {
    async fn ask(&self) -> Result<Seen, String> {
        let (state, between, longest) = (Arc::clone(&self.state), self.between, self.longest);
        // One that is asked for goes on when nobody waits for it any more.
        let look = self.stores.spawn(async move { state.lock().await.ask(between, longest).await });
        look.await.map_err(|error| format!("the look at the job has died: {error}"))?
    }
}

impl State {
    async fn ask(&mut self, between: Duration, longest: Duration) -> Result<Seen, String> {
        if self.tried.is_none_or(|tried| tried.elapsed() >= between) {
            let looked = tokio::time::timeout(longest, self.observer.look()).await;
            self.tried = Some(Instant::now());
            self.failed = match looked {
                Ok(Ok(status)) => {
                    self.last = Some((Instant::now(), progress::of_status(&status, &self.ledger)));
                    None
                }
                Ok(Err(error)) => Some(chain(&error)),
                Err(_) => Some(format!("the store did not tell all within {longest:?}; ask again")),
            };
        }
        match (&self.last, &self.failed) {
            (Some((when, job)), _) => Ok(Seen { job: job.clone(), age: when.elapsed() }),
            (None, failed) => Err(failed.clone().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use verbatim_crds::contract::messages::LedgerPhase;
    use verbatim_ledger::place::Place;
    use verbatim_store::memory::MemoryStore;
    use verbatim_store::{
        Counted, Download, ETag, ErrorKind, Object, ObjectStore, Operation, Page, Put, Read, Requests,
        StoreError,
    };

    use super::*;

    #[derive(Debug, Default)]
    struct Count(AtomicUsize);

    impl Requests for Count {
        fn request(&self, _: Operation, _: Option<ErrorKind>, _: Duration) {
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
        let counted =
            Counted::new(Arc::clone(&store) as Arc<dyn ObjectStore>, Arc::clone(&count) as Arc<dyn Requests>);
        let ledger = Ledger::new(Place { store: Arc::new(counted), prefix: String::new() }, "uid");
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
            for seen in futures::future::join_all((0..20).map(|_| looks.ask())).await {
                assert_eq!(seen.unwrap().job.phase, LedgerPhase::Unplanned);
            }
            assert_eq!(count.0.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn a_look_that_fails_leaves_the_last_one() {
        run(async {
            let (looks, _, store) = looks(Duration::ZERO);
            let key = looks.state.lock().await.ledger.plan();
            store.put(&key, Put::new("nonsense", "application/json")).await.unwrap();
            assert!(!looks.ask().await.unwrap_err().is_empty());
            store.delete(&key).await.unwrap();
            assert_eq!(looks.ask().await.unwrap().job, JobProgress::default());
            store.put(&key, Put::new("nonsense", "application/json")).await.unwrap();
            assert_eq!(looks.ask().await.unwrap().job, JobProgress::default());
        });
    }

    #[test]
    fn a_look_that_takes_too_long_is_given_up() {
        run(async {
            let ledger = Ledger::new(Place { store: Arc::new(Silent), prefix: String::new() }, "uid");
            let longest = Duration::from_millis(20);
            let looks = Looks { longest, ..Looks::new(ledger, Handle::current()) };
            for _ in 0..2 {
                let why = looks.ask().await.unwrap_err();
                assert!(why.contains("within 20ms"), "{why}");
            }
        });
    }
}
