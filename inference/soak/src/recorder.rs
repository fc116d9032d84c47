//! Writes down what happens in a soak, line by line, as it happens: a soak that is killed leaves what it saw.

mod happenings;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::inject::Faults;
use super::record::{EventLine, ResultLine, SoakEvent};
use super::resources::{mega, resources};
use verbatim_protocol::event::FileResult;
use verbatim_supervisor::engine_event::EngineNumber;
use verbatim_supervisor::measure::Snapshot;

/// Files of a soak's record, in its folder.
pub mod names {
    /// [`super::ResultLine`]s.
    pub const RESULTS: &str = "results.jsonl";
    /// [`crate::record::ResourceLine`]s.
    pub const RESOURCES: &str = "resources.csv";
    /// [`super::EventLine`]s.
    pub const EVENTS: &str = "events.jsonl";
    /// [`crate::record::RunFacts`].
    pub const RUN: &str = "run.json";
}

/// A file of one round.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Round, from 1.
    pub round: usize,
    /// Files in flight together, at most.
    pub concurrency: usize,
}

/// What is known of a file in flight.
#[derive(Clone, Debug)]
struct Flight {
    task: Task,
    attempts: u32,
    engine: EngineNumber,
    engine_files: u64,
    before: u64,
    /// Once it is done: seconds of audio, of processing, and resident memory.
    done: Option<(f64, f64, u64)>,
}

/// What is counted on the way, for the terminal and the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Files that are done.
    pub succeeded: usize,
    /// Files that failed.
    pub failed: usize,
    /// Of those: files that no fault explains.
    pub unexplained: usize,
    /// Engines that were replaced.
    pub recycles: usize,
    /// Audio of the files that are done, in seconds.
    pub audio_seconds: f64,
    /// Resident memory of the engines, in bytes.
    pub engine_resident: u64,
    /// Most resident memory of the supervisor, in bytes.
    pub supervisor_peak: u64,
}

struct State {
    results: BufWriter<File>,
    resources: csv::Writer<File>,
    events: BufWriter<File>,
    flights: HashMap<usize, Flight>,
    engines: HashMap<EngineNumber, (u32, u64)>,
    processor: HashMap<u32, f64>,
    /// When that was, in seconds since the beginning.
    measured: f64,
    counts: Counts,
    /// The first thing that could not be written.
    broken: Option<io::Error>,
}

/// The recorder.
pub struct Recorder {
    test_id: String,
    began: Instant,
    faults: Faults,
    state: Mutex<State>,
}

impl Recorder {
    /// Begins records in a folder that is there.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub fn new(folder: &Path, test_id: &str, faults: Faults) -> io::Result<Self> {
        let create = |name: &str| File::create(folder.join(name));
        let state = State {
            results: BufWriter::new(create(names::RESULTS)?),
            resources: csv::Writer::from_writer(create(names::RESOURCES)?),
            events: BufWriter::new(create(names::EVENTS)?),
            flights: HashMap::new(),
            engines: HashMap::new(),
            processor: HashMap::new(),
            measured: 0.0,
            counts: Counts::default(),
            broken: None,
        };
        Ok(Self { test_id: test_id.to_owned(), began: Instant::now(), faults, state: Mutex::new(state) })
    }

    /// Time since the soak's beginning.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// A file is about to be handed over.
    pub fn expect(&self, id: usize, task: Task) {
        let flight = Flight { task, attempts: 0, engine: 0, engine_files: 0, before: 0, done: None };
        self.lock().flights.insert(id, flight);
    }

    /// Files that were handed over and not answered.
    pub fn unanswered(&self) -> usize {
        self.lock().flights.len()
    }

    /// A concurrency's part begins.
    pub fn phase(&self, concurrency: usize) {
        let event = self.event(SoakEvent::Phase { concurrency });
        self.lock().write_event(&event);
    }

    /// A file's answer: its result, or why there is none.
    pub fn answered(&self, id: usize, answer: Result<&FileResult, String>) {
        let elapsed_seconds = self.elapsed().as_secs_f64();
        let mut state = self.lock();
        let Some(flight) = state.flights.remove(&id) else { return };
        let (audio, processing, after) = flight.done.unwrap_or((0.0, 0.0, flight.before));
        let (status, error) = match &answer {
            Ok(_) => ("success", None),
            Err(error) => ("failed", Some(error.clone())),
        };
        match answer {
            Ok(_) => state.counts.succeeded += 1,
            Err(_) => {
                state.counts.failed += 1;
                let explained = self.faults.explains(id, &flight.task.name);
                state.counts.unexplained += usize::from(!explained);
            }
        }
        state.counts.audio_seconds += audio;
        let line = ResultLine {
            test_id: self.test_id.clone(),
            timestamp: now(),
            audio_file: flight.task.name.clone(),
            audio_size_mb: mega(flight.task.bytes),
            audio_seconds: audio,
            concurrency: flight.task.concurrency,
            task_id: id,
            status: status.to_owned(),
            processing_time: processing,
            rtf: if audio > 0.0 { processing / audio } else { 0.0 },
            worker_rss_before_mb: mega(flight.before),
            worker_rss_after_mb: mega(after),
            worker_rss_delta_mb: mega(after) - mega(flight.before),
            error,
            round: flight.task.round,
            elapsed_seconds,
            engine: flight.engine,
            engine_pid: state.engines.get(&flight.engine).map_or(0, |(pid, _)| *pid),
            attempts: flight.attempts,
            result_sha256: answer.ok().map(digest),
            engine_files: flight.engine_files,
        };
        let written = write_line(&mut state.results, &line);
        state.keep(written);
    }

    /// Ends the record: what could not be written is told.
    ///
    /// # Errors
    /// The first.
    pub fn end(&self) -> io::Result<()> {
        let mut state = self.lock();
        let flushed = state.results.flush();
        state.keep(flushed);
        let flushed = state.events.flush();
        state.keep(flushed);
        let flushed = state.resources.flush();
        state.keep(flushed);
        state.broken.take().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Lines are written whole or not at all, and counts are numbers.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, event: SoakEvent) -> EventLine {
        EventLine { timestamp: now(), elapsed_seconds: self.elapsed().as_secs_f64(), event }
    }
}

impl State {
    fn keep(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.broken.get_or_insert(error);
        }
    }

    fn write_event(&mut self, event: &EventLine) {
        // Rare, and what a reader looks for when a soak was killed.
        let written = write_line(&mut self.events, event).and_then(|()| self.events.flush());
        self.keep(written);
    }

    /// A line for each process. What is counted since the last one gives its share of a processor.
    fn measured(&mut self, snapshot: &Snapshot, elapsed_seconds: f64) {
        let seconds = elapsed_seconds - std::mem::replace(&mut self.measured, elapsed_seconds);
        self.counts.engine_resident = snapshot.engines.iter().map(|(_, process)| process.resident).sum();
        self.counts.supervisor_peak = self.counts.supervisor_peak.max(snapshot.supervisor.peak_resident);
        let mut before = std::mem::take(&mut self.processor);
        let supervisor = std::iter::once((0, "supervisor", &snapshot.supervisor));
        let engines = snapshot.engines.iter().map(|(number, process)| (*number, "engine", process));
        for (engine, name, process) in supervisor.chain(engines) {
            let last = before.remove(&process.pid).unwrap_or(0.0);
            self.processor.insert(process.pid, process.cpu_seconds);
            let cpu = (process.cpu_seconds - last).max(0.0) / seconds.max(0.1) * 100.0;
            let line = resources(snapshot, process, engine, name, cpu, elapsed_seconds);
            let written = self.resources.serialize(line).map_err(io::Error::other);
            self.keep(written);
        }
        let flushed = self.resources.flush().and_then(|()| self.results.flush());
        self.keep(flushed);
    }
}

/// The segments' digest: all of a result that is to be the same each time.
fn digest(result: &FileResult) -> String {
    // Segments are plain values: this does not fail.
    hex::encode(Sha256::digest(serde_json::to_vec(&result.segments).unwrap_or_default()))
}

/// The time, as RFC 3339 has it, to the millisecond.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn write_line(file: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}
