//! Workers that are stopped, killed and started again until the job is done; then everything is counted.

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
use verbatim_ledger::names::Ledger;
use verbatim_ledger::outcome::Verdict;
use verbatim_ledger::place::Place;
use verbatim_ledger::plan::Sources;
use verbatim_ledger::record::Line;
use verbatim_ledger::worker::transcribe::{NotTranscribed, Parts, Spooled, Transcribe, Transcribed};
use verbatim_ledger::worker::watch::Deaf;
use verbatim_ledger::worker::{Drain, Left, Settings, Worker};
use verbatim_store::memory::MemoryStore;
use verbatim_store::{ObjectStore, Put};

use super::faulty::{Faulty, Requests};

/// Recordings of a job.
pub(crate) const FILES: usize = 60;
const WORKERS: usize = 3;
const LEASE: Duration = Duration::from_secs(30);

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mishaps {
    /// Probability that a request fails.
    fails: f64,
    /// Mean simulated seconds between two kills or stops of a worker.
    between: Option<u64>,
    /// Files that kill whoever begins them.
    killers: usize,
}

impl Mishaps {
    pub(crate) fn all() -> Self {
        Self { fails: 0.04, between: Some(60), killers: 1 }
    }

    pub(crate) fn none() -> Self {
        Self { fails: 0.0, between: None, killers: 0 }
    }
}

/// A job, its store, and what goes wrong.
pub(crate) struct World {
    seed: u64,
    mishaps: Mishaps,
    store: Arc<MemoryStore>,
    requests: Arc<Mutex<Requests>>,
    killers: BTreeSet<String>,
    spool: tempfile::TempDir,
}

/// Takes simulated time for a recording, and dies with some.
#[derive(Debug)]
struct Ear {
    worker: usize,
    killers: BTreeSet<String>,
    kill: mpsc::UnboundedSender<usize>,
    stalled: watch::Receiver<bool>,
}

#[async_trait]
impl Transcribe for Ear {
    async fn transcribe(&self, recording: Spooled) -> Result<Transcribed, NotTranscribed> {
        let heard = std::fs::read_to_string(&recording.path).unwrap();
        assert_eq!(heard, content(&recording.file.key), "the wrong recording was spooled");
        if self.killers.contains(&recording.file.key) {
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.kill.send(self.worker).unwrap();
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(500 + heard.len() as u64 * 20)).await;
        let _ = self.stalled.clone().wait_for(|stalled| !stalled).await;
        Ok(Transcribed {
            // In the order in which a manifest may have them.
            formats: [Format::Json, Format::Txt].map(|format| (format, transcript(&heard))).into(),
            audio_milliseconds: heard.len() as u64 * 1_000,
            processing_milliseconds: heard.len() as u64 * 10,
            parts: Parts::default(),
        })
    }

    fn render(&self, _: &[u8], _: &[Format]) -> Option<Vec<(Format, Bytes)>> {
        None
    }
}

fn content(key: &str) -> String {
    format!("sound of {key}")
}

fn transcript(heard: &str) -> Bytes {
    format!("heard: {heard}").into()
}

struct Running {
    task: JoinHandle<()>,
    stall: watch::Sender<bool>,
}

impl World {
    pub(crate) fn new(seed: u64, mishaps: Mishaps) -> Self {
        let killers = (0..mishaps.killers).map(|n| format!("in/{:02}.wav", 7 + 11 * n)).collect();
        Self {
            seed,
            mishaps,
            store: Arc::new(MemoryStore::new()),
            requests: Arc::default(),
            killers,
            spool: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn requests(&self) -> Arc<Mutex<Requests>> {
        Arc::clone(&self.requests)
    }

    /// Runs the job to its end, and checks what is there. Gives the number of faults.
    pub(crate) fn run(self) -> u64 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, self.simulate())
    }

    async fn simulate(self) -> u64 {
        for file in 0..FILES {
            let key = format!("in/{file:02}.wav");
            self.store.put(&key, Put::new(content(&key), "audio/wav")).await.unwrap();
        }
        let mut random = StdRng::seed_from_u64(self.seed);
        let (kill, mut kills) = mpsc::unbounded_channel();
        let mut starts = 0;
        let mut workers: BTreeMap<usize, Running> = BTreeMap::new();
        let over = self.ledger(self.store.clone()).report();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20_000);
        let mut done = false;
        while !done {
            for number in 0..WORKERS {
                if workers.get(&number).is_none_or(|worker| worker.task.is_finished()) {
                    starts += 1;
                    workers.insert(number, self.start(number, starts, kill.clone()));
                }
            }
            let pause = match self.mishaps.between {
                Some(seconds) => random.random_range(1..2 * seconds),
                None => 5,
            };
            tokio::select! {
                Some(number) = kills.recv() => self.kill(&mut workers, number),
                () = tokio::time::sleep(Duration::from_secs(pause)) => if self.mishaps.between.is_some() {
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
        // What is stopped goes on, and does what harm it can.
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
        Ledger::new(Place { store, prefix: "out/".to_owned() }, "uid")
    }

    fn start(&self, number: usize, starts: u64, kill: mpsc::UnboundedSender<usize>) -> Running {
        let (stall, stalled) = watch::channel(false);
        let seed = self.seed * 1_000 + starts;
        let store: Arc<dyn ObjectStore> = Arc::new(Faulty::new(
            self.store.clone(),
            seed,
            self.mishaps.fails,
            stalled.clone(),
            Arc::clone(&self.requests),
        ));
        let ledger = self.ledger(Arc::clone(&store));
        let transcriber = Arc::new(Ear { worker: number, killers: self.killers.clone(), kill, stalled });
        let settings = settings(&format!("{seed}"), number, self.spool.path());
        let task = tokio::task::spawn_local(async move {
            let spec = TranscriptionJobSpec::default();
            let worker = Worker {
                ledger,
                sources: Sources {
                    spec: &spec,
                    source: Place { store: Arc::clone(&store), prefix: "in/".to_owned() },
                    destination: Place { store: Arc::clone(&store), prefix: "out/".to_owned() },
                    lists: store,
                },
                settings,
                transcriber,
                watch: Arc::new(Deaf),
                drain: Drain::default(),
            };
            // An error ends a worker as it ends a pod: another is started.
            if let Ok(left) = worker.run().await {
                assert!(matches!(left, Left::Complete(_) | Left::NothingToClaim), "{left:?}");
            }
        });
        Running { task, stall }
    }

    async fn check(&self) {
        let seed = self.seed;
        let objects = self.store.snapshot();
        let lines: Vec<Line> = std::str::from_utf8(&objects["out/.verbatim/uid/report.jsonl"])
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let keys: BTreeSet<&str> = lines.iter().map(|line| line.key.as_str()).collect();
        assert_eq!((lines.len(), keys.len()), (FILES, FILES), "seed {seed}: each file once in the report");
        for line in &lines {
            if line.outcome.result == Verdict::Failed {
                assert!(self.killers.contains(&line.key), "seed {seed}: {line:?}");
                continue;
            }
            assert!(!self.killers.contains(&line.key), "seed {seed}: {line:?}");
            let stem = line.key.trim_start_matches("in/").trim_end_matches(".wav");
            for ending in ["txt", "json"] {
                let there = &objects[&format!("out/{stem}.{ending}")];
                assert_eq!(*there, transcript(&content(&line.key)), "seed {seed}: {line:?}");
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
        if self.mishaps.between.is_none() {
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
        patience: Duration::from_secs(600),
    }
}
