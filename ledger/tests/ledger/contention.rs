//! 200 workers and 5,000 shards: how many requests are made for nothing because another was first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::{Format, Overwrite};
use verbatim_ledger::names::Ledger;
use verbatim_ledger::place::Place;
use verbatim_ledger::plan::Sources;
use verbatim_ledger::worker::transcribe::{NotTranscribed, Parts, Spooled, Transcribe, Transcribed};
use verbatim_ledger::worker::watch::{Event, Watch};
use verbatim_ledger::worker::{Drain, Settings, Worker};
use verbatim_store::memory::MemoryStore;
use verbatim_store::{Download, ETag, Object, ObjectStore, Page, Put, Read, StoreError};

const WORKERS: u64 = 200;
const SHARDS: u64 = 5_000;
/// Eight to a shard.
const FILES: u64 = 8 * SHARDS;

#[derive(Debug, Default)]
struct Counts {
    claimed: AtomicU64,
    beaten: AtomicU64,
    requests: AtomicU64,
}

impl Watch for Counts {
    fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Claimed { .. } => self.claimed.fetch_add(1, Ordering::Relaxed),
            Event::Beaten { .. } => self.beaten.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

/// A store some milliseconds away.
#[derive(Debug)]
struct Far {
    inner: Arc<MemoryStore>,
    counts: Arc<Counts>,
    random: std::sync::Mutex<StdRng>,
}

impl Far {
    async fn travel(&self) {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let latency = self.random.lock().unwrap().random_range(5..50);
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
}

#[async_trait]
impl ObjectStore for Far {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.travel().await;
        self.inner.head(key).await
    }
    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        self.travel().await;
        self.inner.get(key, read).await
    }
    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        self.travel().await;
        self.inner.put(key, put).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.travel().await;
        self.inner.delete(key).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.travel().await;
        self.inner.list(prefix, after, limit).await
    }
    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}

/// A recording takes some seconds, four at a time.
#[derive(Debug)]
struct Ear(tokio::sync::Semaphore, std::sync::Mutex<StdRng>);

#[async_trait]
impl Transcribe for Ear {
    async fn transcribe(&self, _: Spooled) -> Result<Transcribed, NotTranscribed> {
        let _one = self.0.acquire().await.unwrap();
        let milliseconds = self.1.lock().unwrap().random_range(1_000..9_000);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        let formats = vec![(Format::Json, Bytes::from_static(b"{}"))];
        Ok(Transcribed {
            formats,
            audio_milliseconds: 1,
            processing_milliseconds: 1,
            parts: Parts::default(),
        })
    }
    fn render(&self, _: &[u8], _: &[Format]) -> Option<Vec<(Format, Bytes)>> {
        None
    }
}

#[test]
fn two_hundred_workers_are_seldom_in_each_others_way() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let spool = tempfile::tempdir().unwrap();
    let memory = Arc::new(MemoryStore::new());
    let counts = Arc::new(Counts::default());
    let work = async {
        for file in 0..FILES {
            memory.put(&format!("in/{file:05}.wav"), Put::new("sound", "audio/wav")).await.unwrap();
        }
        let mut workers = tokio::task::JoinSet::new();
        for number in 0..WORKERS {
            let store: Arc<dyn ObjectStore> = Arc::new(Far {
                inner: Arc::clone(&memory),
                counts: Arc::clone(&counts),
                random: StdRng::seed_from_u64(number).into(),
            });
            let (spool, watch) = (spool.path().to_owned(), Arc::clone(&counts));
            workers.spawn_local(async move {
                let spec = TranscriptionJobSpec::default();
                let place = |prefix: &str| Place { store: Arc::clone(&store), prefix: prefix.to_owned() };
                let worker = Worker {
                    ledger: Ledger::new(place("out/"), "uid"),
                    sources: Sources {
                        spec: &spec,
                        source: place("in/"),
                        destination: place("out/"),
                        lists: Arc::clone(&store),
                    },
                    settings: Settings {
                        owner: format!("{number}"),
                        worker: format!("{number}"),
                        lease: Duration::from_secs(30),
                        max_attempts: 3,
                        stay: true,
                        formats: vec![Format::Json],
                        overwrite: Overwrite::IfStale,
                        digest: String::new(),
                        spool,
                        spool_files: 8,
                        spool_bytes: 1 << 20,
                        patience: Duration::from_secs(600),
                    },
                    transcriber: Arc::new(Ear(
                        tokio::sync::Semaphore::new(4),
                        StdRng::seed_from_u64(number).into(),
                    )),
                    watch,
                    drain: Drain::default(),
                };
                worker.run().await.unwrap();
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended.unwrap();
        }
    };
    tokio::task::LocalSet::new().block_on(&runtime, work);
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (claimed, beaten, requests) = (get(&counts.claimed), get(&counts.beaten), get(&counts.requests));
    println!("{claimed} claims, {beaten} times another was first, {requests} requests");
    assert_eq!(claimed, SHARDS, "each shard is claimed once");
    // Each time the claim, and the read that shows whose it is, are for nothing.
    let of_the_ledger = requests - 2 * FILES;
    assert!(2 * beaten * 20 < of_the_ledger, "{beaten} of {of_the_ledger}");
    assert!(beaten * 20 < claimed, "{beaten} of {claimed}");
}
