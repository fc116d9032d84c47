//! Workers that are stalled, killed and restarted until the job is complete, and checks of the result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::Format;
use verbatim_ledger::keys::Ledger;
use verbatim_ledger::outcome::FileResult;
use verbatim_ledger::plan::PlanInput;
use verbatim_ledger::shard_record::ReportLine;
use verbatim_ledger::store_location::StoreLocation;
use verbatim_ledger::worker::events::NoopListener;
use verbatim_ledger::worker::transcribe::{
    EngineTimes, NotTranscribed, SpooledRecording, Transcribe, Transcribed,
};
use verbatim_ledger::worker::{Drain, Settings, StopReason, Worker};
use verbatim_store::memory::MemoryStore;
use verbatim_store::{ObjectStore, Put};

use super::faulty::{FaultyStore, RequestCounts};

/// Recordings of the job.
pub(crate) const FILES: usize = 60;
const WORKERS: usize = 3;
const LEASE: Duration = Duration::from_secs(30);

/// Faults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// Probability that a request fails.
    failure_rate: f64,
    /// Mean simulated seconds between two kills or stalls.
    mean_interval: Option<u64>,
    /// Number of files that kill their worker.
    fatal_files: usize,
}

impl Faults {
    pub(crate) fn all() -> Self {
        Self { failure_rate: 0.04, mean_interval: Some(60), fatal_files: 1 }
    }

    pub(crate) fn none() -> Self {
        Self { failure_rate: 0.0, mean_interval: None, fatal_files: 0 }
    }
}

/// A job, its store, and its faults.
pub(crate) struct World {
    seed: u64,
    faults: Faults,
    store: Arc<MemoryStore>,
    requests: Arc<Mutex<RequestCounts>>,
    fatal_files: BTreeSet<String>,
    spool: tempfile::TempDir,
}

/// A transcriber that takes simulated time for a recording, and dies of some.
#[derive(Debug)]
struct FakeTranscriber {
    worker: usize,
    fatal_files: BTreeSet<String>,
    kill: mpsc::UnboundedSender<usize>,
    stalled: watch::Receiver<bool>,
}

#[async_trait]
impl Transcribe for FakeTranscriber {
    async fn transcribe(&self, recording: SpooledRecording) -> Result<Transcribed, NotTranscribed> {
        let content = std::fs::read_to_string(&recording.path).unwrap();
        assert_eq!(content, recording_content(&recording.file.key), "the wrong recording was spooled");
        if self.fatal_files.contains(&recording.file.key) {
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.kill.send(self.worker).unwrap();
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(500 + content.len() as u64 * 20)).await;
        let _ = self.stalled.clone().wait_for(|stalled| !stalled).await;
        Ok(Transcribed {
            // In the order of a manifest.
            formats: [Format::Json, Format::Txt].map(|format| (format, transcript(&content))).into(),
            audio_milliseconds: content.len() as u64 * 1_000,
            processing_milliseconds: content.len() as u64 * 10,
            times: EngineTimes::default(),
        })
    }

    fn render(&self, _: &[u8], _: &[Format]) -> Option<Vec<(Format, Bytes)>> {
        None
    }
}

fn recording_content(key: &str) -> String {
    format!("sound of {key}")
}

fn transcript(content: &str) -> Bytes {
    format!("transcript of {content}").into()
}

struct Running {
    task: JoinHandle<()>,
    stall: watch::Sender<bool>,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let fatal_files = (0..faults.fatal_files).map(|n| format!("in/{:02}.wav", 7 + 11 * n)).collect();
        Self {
            seed,
            faults,
            store: Arc::new(MemoryStore::new()),
            requests: Arc::default(),
            fatal_files,
            spool: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn requests(&self) -> Arc<Mutex<RequestCounts>> {
        Arc::clone(&self.requests)
    }

    /// Runs the job to its end and checks the result. Returns the number of faults.
    pub(crate) fn run(self) -> u64 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, self.simulate())
    }

    async fn simulate(self) -> u64 {
        for file in 0..FILES {
            let key = format!("in/{file:02}.wav");
            self.store.put(&key, Put::new(recording_content(&key), "audio/wav")).await.unwrap();
        }
        let mut random = StdRng::seed_from_u64(self.seed);
        let (kill, mut kills) = mpsc::unbounded_channel();
        let mut starts = 0;
        let mut workers: BTreeMap<usize, Running> = BTreeMap::new();
        let over = self.ledger(self.store.clone()).report_key();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20_000);
        let mut done = false;
        while !done {
            for number in 0..WORKERS {
                if workers.get(&number).is_none_or(|worker| worker.task.is_finished()) {
                    starts += 1;
                    workers.insert(number, self.start(number, starts, kill.clone()));
                }
            }
            let pause = match self.faults.mean_interval {
                Some(seconds) => random.random_range(1..2 * seconds),
                None => 5,
            };
            tokio::select! {
                Some(number) = kills.recv() => self.kill(&mut workers, number),
                () = tokio::time::sleep(Duration::from_secs(pause)) => if self.faults.mean_interval.is_some() {
                    let number = random.random_range(0..WORKERS);
                    if random.random_bool(0.5) {
                        self.kill(&mut workers, number);
                    } else if let Some(worker) = workers.get(&number) {
                        self.requests.lock().unwrap().faults += 1;
                        let (stall, length) = (worker.stall.clone(), random.random_range(1..4 * LEASE.as_secs()));
                        stall.send_replace(true);
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_secs(length)).await;
                            stall.send_replace(false);
                        });
                    }
                },
            }
            assert!(tokio::time::Instant::now() < deadline, "seed {}: the job does not end", self.seed);
            done = self.store.head(&over).await.is_ok();
        }
        // Stalled workers continue, and do what harm they can.
        for worker in workers.values() {
            worker.stall.send_replace(false);
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
        for worker in workers.into_values() {
            worker.task.abort();
            let _ = worker.task.await;
        }
        self.check().await;
        let requests = self.requests.lock().unwrap();
        requests.faults
    }

    fn kill(&self, workers: &mut BTreeMap<usize, Running>, number: usize) {
        if let Some(worker) = workers.remove(&number) {
            self.requests.lock().unwrap().faults += 1;
            worker.task.abort();
        }
    }

    fn ledger(&self, store: Arc<dyn ObjectStore>) -> Ledger {
        Ledger::new(StoreLocation { store, prefix: "out/".to_owned() }, "uid")
    }

    fn start(&self, number: usize, starts: u64, kill: mpsc::UnboundedSender<usize>) -> Running {
        let (stall, stalled) = watch::channel(false);
        let seed = self.seed * 1_000 + starts;
        let store: Arc<dyn ObjectStore> = Arc::new(FaultyStore::new(
            self.store.clone(),
            seed,
            self.faults.failure_rate,
            stalled.clone(),
            Arc::clone(&self.requests),
        ));
        let ledger = self.ledger(Arc::clone(&store));
        let transcriber = Arc::new(FakeTranscriber {
            worker: number,
            fatal_files: self.fatal_files.clone(),
            kill,
            stalled,
        });
        let settings = settings(&format!("{seed}"), number, self.spool.path());
        let task = tokio::task::spawn_local(async move {
            let spec = TranscriptionJobSpec::default();
            let worker = Worker {
                ledger,
                plan_input: PlanInput {
                    spec: &spec,
                    source: StoreLocation { store: Arc::clone(&store), prefix: "in/".to_owned() },
                    destination: StoreLocation { store: Arc::clone(&store), prefix: "out/".to_owned() },
                    lists: store,
                },
                settings,
                transcriber,
                listener: Arc::new(NoopListener),
                drain: Drain::default(),
            };
            // Like a pod, a worker that fails is restarted.
            if let Ok(left) = worker.run().await {
                assert!(matches!(left, StopReason::Complete(_) | StopReason::NothingToClaim), "{left:?}");
            }
        });
        Running { task, stall }
    }

    async fn check(&self) {
        let seed = self.seed;
        let objects = self.store.snapshot();
        let lines: Vec<ReportLine> = std::str::from_utf8(&objects["out/.verbatim/uid/report.jsonl"])
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let keys: BTreeSet<&str> = lines.iter().map(|line| line.key.as_str()).collect();
        assert_eq!((lines.len(), keys.len()), (FILES, FILES), "seed {seed}: each file once in the report");
        for line in &lines {
            if line.outcome.result == FileResult::Failed {
                assert!(self.fatal_files.contains(&line.key), "seed {seed}: {line:?}");
                continue;
            }
            assert!(!self.fatal_files.contains(&line.key), "seed {seed}: {line:?}");
            let stem = line.key.trim_start_matches("in/").trim_end_matches(".wav");
            for ending in ["txt", "json"] {
                let there = &objects[&format!("out/{stem}.{ending}")];
                assert_eq!(*there, transcript(&recording_content(&line.key)), "seed {seed}: {line:?}");
            }
        }
        let mut written: BTreeMap<String, u64> = BTreeMap::new();
        let mut requests = self.requests.lock().unwrap();
        for key in &requests.written {
            *written.entry(key.clone()).or_default() += 1;
        }
        for (key, times) in written {
            let once = !key.contains("/claims/")
                && !key.ends_with("planning.json")
                && !key.ends_with("reporting.json")
                && !key.contains("/plan/");
            assert!(times == 1 || !once, "seed {seed}: {key} was written {times} times");
        }
        requests.shards = objects.keys().filter(|key| key.contains("/done/")).count() as u64;
        if self.faults.mean_interval.is_none() {
            let left: Vec<_> = objects.keys().filter(|key| key.contains("/claims/")).collect();
            assert!(left.is_empty(), "claims are left: {left:?}");
        }
    }
}

fn settings(owner: &str, number: usize, spool: &Path) -> Settings {
    Settings {
        owner: owner.to_owned(),
        worker: format!("worker-{number}"),
        lease: LEASE,
        max_attempts: 3,
        stay: number == 0,
        formats: vec![Format::Json, Format::Txt],
        overwrite: verbatim_crds::destination::Overwrite::IfStale,
        digest: "sha256:0".to_owned(),
        spool: spool.to_owned(),
        spool_files: 16,
        spool_bytes: 1 << 20,
        max_outage: Duration::from_secs(600),
    }
}
