//! Contention of 200 workers over 5,000 shards: how many requests are in vain because another worker was
//! first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::{Format, Overwrite};
use verbatim_ledger::keys::Ledger;
use verbatim_ledger::plan::PlanInput;
use verbatim_ledger::store_location::StoreLocation;
use verbatim_ledger::worker::events::{Event, Listener};
use verbatim_ledger::worker::transcribe::{
    EngineTimes, NotTranscribed, SpooledRecording, Transcribe, Transcribed,
};
use verbatim_ledger::worker::{Drain, Settings, Worker};
use verbatim_store::memory::MemoryStore;
use verbatim_store::{Download, ETag, Object, ObjectStore, Page, Put, Read, StoreError};

const WORKERS: u64 = 200;
const SHARDS: u64 = 5_000;
/// Eight files to a shard.
const FILES: u64 = 8 * SHARDS;

#[derive(Debug, Default)]
struct EventCounts {
    claimed: AtomicU64,
    lost_races: AtomicU64,
    requests: AtomicU64,
}

impl Listener for EventCounts {
    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::Claimed { .. } => self.claimed.fetch_add(1, Ordering::Relaxed),
            Event::LostRace { .. } => self.lost_races.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

/// A store with some milliseconds of latency.
#[derive(Debug)]
struct DistantStore {
    inner: Arc<MemoryStore>,
    counts: Arc<EventCounts>,
    random: std::sync::Mutex<StdRng>,
}

impl DistantStore {
    async fn delay(&self) {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let latency = self.random.lock().unwrap().random_range(5..50);
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
}

#[async_trait]
impl ObjectStore for DistantStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.delay().await;
        self.inner.head(key).await
    }
    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        self.delay().await;
        self.inner.get(key, read).await
    }
    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        self.delay().await;
        self.inner.put(key, put).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.delay().await;
        self.inner.delete(key).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.delay().await;
        self.inner.list(prefix, after, limit).await
    }
    fn address(&self, key: &str) -> String {
        self.inner.address(key)
    }
}

/// A transcriber that takes some seconds for a recording, with four at a time.
#[derive(Debug)]
struct FakeTranscriber(tokio::sync::Semaphore, std::sync::Mutex<StdRng>);

#[async_trait]
impl Transcribe for FakeTranscriber {
    async fn transcribe(&self, _: SpooledRecording) -> Result<Transcribed, NotTranscribed> {
        let _one = self.0.acquire().await.unwrap();
        let milliseconds = self.1.lock().unwrap().random_range(1_000..9_000);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        let formats = vec![(Format::Json, Bytes::from_static(b"{}"))];
        Ok(Transcribed {
            formats,
            audio_milliseconds: 1,
            processing_milliseconds: 1,
            times: EngineTimes::default(),
        })
    }
    fn render(&self, _: &[u8], _: &[Format]) -> Option<Vec<(Format, Bytes)>> {
        None
    }
}

#[test]
fn two_hundred_workers_seldom_collide() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let spool = tempfile::tempdir().unwrap();
    let memory = Arc::new(MemoryStore::new());
    let counts = Arc::new(EventCounts::default());
    let work = async {
        for file in 0..FILES {
            memory.put(&format!("in/{file:05}.wav"), Put::new("sound", "audio/wav")).await.unwrap();
        }
        let mut workers = tokio::task::JoinSet::new();
        for number in 0..WORKERS {
            let store: Arc<dyn ObjectStore> = Arc::new(DistantStore {
                inner: Arc::clone(&memory),
                counts: Arc::clone(&counts),
                random: StdRng::seed_from_u64(number).into(),
            });
            let (spool, listener) = (spool.path().to_owned(), Arc::clone(&counts));
            workers.spawn_local(async move {
                let spec = TranscriptionJobSpec::default();
                let place =
                    |prefix: &str| StoreLocation { store: Arc::clone(&store), prefix: prefix.to_owned() };
                let worker = Worker {
                    ledger: Ledger::new(place("out/"), "uid"),
                    plan_input: PlanInput {
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
                        max_outage: Duration::from_secs(600),
                    },
                    transcriber: Arc::new(FakeTranscriber(
                        tokio::sync::Semaphore::new(4),
                        StdRng::seed_from_u64(number).into(),
                    )),
                    listener,
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
    let (claimed, lost_races, requests) =
        (get(&counts.claimed), get(&counts.lost_races), get(&counts.requests));
    println!("{claimed} claims, {lost_races} lost races, {requests} requests");
    assert_eq!(claimed, SHARDS, "each shard is claimed once");
    // A lost race costs two requests: the claim, and the read that shows its owner.
    let of_the_ledger = requests - 2 * FILES;
    assert!(2 * lost_races * 20 < of_the_ledger, "{lost_races} of {of_the_ledger}");
    assert!(lost_races * 20 < claimed, "{lost_races} of {claimed}");
}
