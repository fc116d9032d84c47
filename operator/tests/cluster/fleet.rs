//! Scripted workers: they share a ledger in memory, process its files at a rate, and serve and exit as a
//! worker does.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use verbatim_crds::contract::http;
use verbatim_crds::contract::messages::{Cause, ExitReason, JobProgress, LedgerPhase, TerminationMessage};
use verbatim_crds::status::FileFailure;
use verbatim_testing::cluster::{Exit, PodScript, Running};

/// Unit of processing time.
const TICK: Duration = Duration::from_millis(50);
/// Bytes of a file, and its audio.
const BYTES: u64 = 160_000;
const SECONDS: u64 = 10;
/// Files of a shard.
const SHARD: u64 = 8;

/// The recordings of one job, and scripted faults of its workers.
pub struct Fleet {
    state: Mutex<State>,
    /// Ticks that a file takes.
    ticks: u32,
}

#[derive(Default)]
struct State {
    files: u64,
    done: u64,
    failed: u64,
    /// Number of files that fail: the last ones.
    bad: u64,
    paused: bool,
    silent: bool,
    /// Exits for the next workers that check.
    exits_ordered: Vec<Exit>,
    /// Immediate exit of each new worker.
    stillborn: Option<Exit>,
    started: Vec<String>,
    exits: Vec<i32>,
}

impl Fleet {
    /// A fleet over this many files, each of which takes a worker `ticks` times 50 ms.
    pub fn new(files: u64, ticks: u32) -> Self {
        Self { state: Mutex::new(State { files, ..State::default() }), ticks }
    }

    /// Lets the last files fail.
    pub fn bad(self, bad: u64) -> Self {
        self.change(|state| state.bad = bad);
        self
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Pauses or resumes the workers.
    pub fn pause(&self, paused: bool) {
        self.change(|state| state.paused = paused);
    }

    /// Stops or resumes answering requests.
    pub fn silent(&self, silent: bool) {
        self.change(|state| state.silent = silent);
    }

    /// Ends one worker with this exit.
    pub fn end_one(&self, exit: Exit) {
        self.change(|state| state.exits_ordered.push(exit));
    }

    /// Lets new workers exit immediately, or run again.
    pub fn stillborn(&self, exit: Option<Exit>) {
        self.change(|state| state.stillborn = exit);
    }

    /// Files with an outcome.
    pub fn done(&self) -> u64 {
        self.change(|state| state.done + state.failed)
    }

    /// Pods that were started so far.
    pub fn started(&self) -> Vec<String> {
        self.change(|state| state.started.clone())
    }

    /// Exit codes so far.
    pub fn exits(&self) -> Vec<i32> {
        self.change(|state| state.exits.clone())
    }

    /// Exit of a worker with an invalid configuration.
    pub fn configuration_error(cause: Cause, message: &str) -> Exit {
        let message = TerminationMessage {
            exit: 78,
            left: ExitReason::Error,
            cause: Some(cause),
            message: Some(message.into()),
            ..TerminationMessage::default()
        };
        Exit::code(78).message(serde_json::to_string(&message).unwrap())
    }

    fn progress(&self) -> JobProgress {
        self.change(|state| {
            let over = state.done + state.failed == state.files;
            let failures = (0..state.failed.min(5)).map(|number| FileFailure {
                key: format!("bad-{number}.wav"),
                reason: "Corrupt".into(),
                message: "no frame could be decoded".into(),
                attempts: 1,
            });
            JobProgress {
                phase: if over { LedgerPhase::Complete } else { LedgerPhase::Running },
                files: state.files,
                succeeded: state.done,
                failed: state.failed,
                bytes: state.files * BYTES,
                bytes_done: (state.done + state.failed) * BYTES,
                audio_milliseconds: state.done * SECONDS * 1000,
                shards: state.files.div_ceil(SHARD),
                shards_done: (state.done + state.failed) / SHARD + u64::from(over && state.files % SHARD > 0),
                failures_by_reason: (state.failed > 0)
                    .then(|| ("Corrupt".to_owned(), state.failed))
                    .into_iter()
                    .collect(),
                failures: failures.collect(),
                report: over.then(|| "s3://transcripts/2026/11/.verbatim/report.jsonl".to_owned()),
                ..JobProgress::default()
            }
        })
    }

    /// Takes a file. Returns whether there was one.
    fn take(&self) -> bool {
        self.change(|state| {
            if state.done + state.failed >= state.files || state.paused {
                return false;
            }
            if state.done + state.bad < state.files {
                state.done += 1
            } else {
                state.failed += 1
            }
            true
        })
    }

    /// The script of every pod.
    pub fn script(self: Arc<Self>) -> impl PodScript {
        move |pod: Pod, running: Running| Arc::clone(&self).worker(pod, running)
    }

    async fn worker(self: Arc<Self>, pod: Pod, running: Running) -> Exit {
        let exit = self.work(&pod, &running).await;
        self.change(|state| state.exits.push(exit.code));
        exit
    }

    async fn work(&self, pod: &Pod, running: &Running) -> Exit {
        let stillborn = self.change(|state| {
            state.started.push(pod.metadata.name.clone().unwrap_or_default());
            state.stillborn.clone()
        });
        if let Some(exit) = stillborn {
            return exit;
        }
        let own = Mutex::new(0_u64);
        let served = self.serve(running.address(), &own);
        running.set_ready(true);
        tokio::select! {
            exit = self.files(&own) => exit,
            () = running.terminated() => {
                let message = TerminationMessage { exit: 75, left: ExitReason::Drained, succeeded: *own.lock().unwrap(), ..TerminationMessage::default() };
                Exit::code(75).message(serde_json::to_string(&message).unwrap())
            }
            () = served => Exit::code(1).message("nothing can be served"),
        }
    }

    async fn files(&self, own: &Mutex<u64>) -> Exit {
        loop {
            for _ in 0..self.ticks {
                tokio::time::sleep(TICK).await;
                if let Some(exit) = self.change(|state| state.exits_ordered.pop()) {
                    return exit;
                }
            }
            if self.take() {
                *own.lock().unwrap() += 1;
                continue;
            }
            let progress = self.progress();
            if progress.phase == LedgerPhase::Complete {
                let message = TerminationMessage {
                    left: ExitReason::Complete,
                    succeeded: *own.lock().unwrap(),
                    job: Some(progress),
                    ..TerminationMessage::default()
                };
                return Exit::code(0).message(serde_json::to_string(&message).unwrap());
            }
        }
    }

    /// Answers requests on a worker's address.
    async fn serve(&self, address: IpAddr, own: &Mutex<u64>) {
        let Ok(listener) = TcpListener::bind((address, http::PORT)).await else { return };
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { continue };
            if self.change(|state| state.silent) {
                continue;
            }
            let mut head = [0; 2048];
            let read = stream.read(&mut head).await.unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let own = *own.lock().unwrap();
            let body = match head.split_whitespace().nth(1) {
                Some(http::METRICS) => format!(
                    "verbatim_audio_seconds_total {}\nverbatim_inference_seconds_total {}\nverbatim_files_in_flight 1\n\
                     verbatim_files_total{{outcome=\"succeeded\"}} {own}\n\
                     verbatim_engine_recycles_total{{reason=\"Memory\"}} {}\n",
                    own * SECONDS,
                    own,
                    own / 50
                ),
                Some(http::JOB) => json!(self.progress()).to_string(),
                _ => String::new(),
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }
}
