//! Recorder of a soak. Writes each line as soon as it is known, so that a killed soak leaves its record.

mod engine_events;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::inject::FaultPlan;
use crate::record::{EVENTS, EventLine, RESOURCES, RESULTS, ResultLine, SoakEvent};
use crate::resource_line::resource_line;
use crate::units::{megabytes, timestamp};
use verbatim_protocol::event::FileResult;
use verbatim_supervisor::engine_event::EngineNumber;
use verbatim_supervisor::measure::Snapshot;

/// A file of one round.
#[derive(Clone, Debug)]
pub struct Task {
    /// Name of the file.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Round, from 1.
    pub round: usize,
    /// Maximum number of files in flight.
    pub concurrency: usize,
}

/// State of a file in flight.
#[derive(Clone, Debug)]
struct InFlight {
    task: Task,
    attempts: u32,
    engine: EngineNumber,
    engine_files: u64,
    resident_before: u64,
    completion: Option<Completion>,
}

/// Measurements at the end of a file.
#[derive(Clone, Copy, Debug)]
struct Completion {
    audio_seconds: f64,
    processing_seconds: f64,
    resident: u64,
}

/// Process id and completed files of an engine.
#[derive(Clone, Copy, Debug, Default)]
struct Engine {
    pid: u32,
    files: u64,
}

/// Counters for the progress line and the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Files transcribed.
    pub succeeded: usize,
    /// Files failed.
    pub failed: usize,
    /// Files failed without an injected fault that explains it.
    pub unexplained: usize,
    /// Engines replaced.
    pub recycles: usize,
    /// Audio transcribed, in seconds.
    pub audio_seconds: f64,
    /// Resident memory of the engines, in bytes.
    pub engine_resident: u64,
    /// Peak resident memory of the supervisor, in bytes.
    pub supervisor_peak: u64,
}

struct State {
    results: BufWriter<File>,
    resources: csv::Writer<File>,
    events: BufWriter<File>,
    in_flight: HashMap<usize, InFlight>,
    engines: HashMap<EngineNumber, Engine>,
    /// CPU seconds of each process at the last sample.
    cpu_seconds: HashMap<u32, f64>,
    /// Time of the last sample, in seconds since the start.
    sampled_at: f64,
    counts: Counts,
    first_error: Option<io::Error>,
}

/// Writer of a soak's record.
pub struct Recorder {
    test_id: String,
    started: Instant,
    faults: FaultPlan,
    state: Mutex<State>,
}

impl Recorder {
    /// Creates the files of the record in an existing folder.
    ///
    /// # Errors
    /// A file cannot be created.
    pub fn new(folder: &Path, test_id: &str, faults: FaultPlan) -> io::Result<Self> {
        let create = |name: &str| File::create(folder.join(name));
        let state = State {
            results: BufWriter::new(create(RESULTS)?),
            resources: csv::Writer::from_writer(create(RESOURCES)?),
            events: BufWriter::new(create(EVENTS)?),
            in_flight: HashMap::new(),
            engines: HashMap::new(),
            cpu_seconds: HashMap::new(),
            sampled_at: 0.0,
            counts: Counts::default(),
            first_error: None,
        };
        Ok(Self { test_id: test_id.to_owned(), started: Instant::now(), faults, state: Mutex::new(state) })
    }

    /// Time since the start of the soak.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counters so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Registers a file that is about to be handed to the supervisor.
    pub fn expect(&self, id: usize, task: Task) {
        let in_flight =
            InFlight { task, attempts: 0, engine: 0, engine_files: 0, resident_before: 0, completion: None };
        self.lock().in_flight.insert(id, in_flight);
    }

    /// Number of files handed over without an answer.
    pub fn unanswered(&self) -> usize {
        self.lock().in_flight.len()
    }

    /// Records the start of a phase.
    pub fn phase(&self, concurrency: usize) {
        let elapsed_seconds = self.elapsed().as_secs_f64();
        self.lock().write_event(elapsed_seconds, SoakEvent::Phase { concurrency });
    }

    /// Records the answer to a file: its result, or the reason and message of its failure.
    pub fn answered(&self, id: usize, answer: Result<&FileResult, String>) {
        let elapsed_seconds = self.elapsed().as_secs_f64();
        let mut state = self.lock();
        let Some(file) = state.in_flight.remove(&id) else { return };
        let Completion { audio_seconds, processing_seconds, resident } =
            file.completion.unwrap_or(Completion {
                audio_seconds: 0.0,
                processing_seconds: 0.0,
                resident: file.resident_before,
            });
        let counts = &mut state.counts;
        counts.audio_seconds += audio_seconds;
        let (status, result_sha256, error) = match answer {
            Ok(result) => {
                counts.succeeded += 1;
                ("success", Some(digest(result)), None)
            }
            Err(error) => {
                counts.failed += 1;
                counts.unexplained += usize::from(!self.faults.explains(id, &file.task.name));
                ("failed", None, Some(error))
            }
        };
        let (before, after) = (megabytes(file.resident_before), megabytes(resident));
        let line = ResultLine {
            test_id: self.test_id.clone(),
            timestamp: timestamp(),
            audio_size_mb: megabytes(file.task.bytes),
            audio_file: file.task.name,
            audio_seconds,
            concurrency: file.task.concurrency,
            task_id: id,
            status: status.to_owned(),
            processing_time: processing_seconds,
            rtf: if audio_seconds > 0.0 { processing_seconds / audio_seconds } else { 0.0 },
            worker_rss_before_mb: before,
            worker_rss_after_mb: after,
            worker_rss_delta_mb: after - before,
            error,
            round: file.task.round,
            elapsed_seconds,
            engine: file.engine,
            engine_pid: state.engines.get(&file.engine).map_or(0, |engine| engine.pid),
            attempts: file.attempts,
            result_sha256,
            engine_files: file.engine_files,
        };
        let written = write_line(&mut state.results, &line);
        state.keep_error(written);
    }

    /// Flushes the record.
    ///
    /// # Errors
    /// The first failed write since the start.
    pub fn finish(&self) -> io::Result<()> {
        let mut state = self.lock();
        let flushed = [state.results.flush(), state.events.flush(), state.resources.flush()];
        flushed.into_iter().for_each(|flushed| state.keep_error(flushed));
        state.first_error.take().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic leaves the state usable: lines are written whole or not at all, and counts are numbers.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep_error(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.first_error.get_or_insert(error);
        }
    }

    fn write_event(&mut self, elapsed_seconds: f64, event: SoakEvent) {
        let line = EventLine { timestamp: timestamp(), elapsed_seconds, event };
        // Flushed at once: events are rare, and after a kill they are what a reader looks for.
        let written = write_line(&mut self.events, &line).and_then(|()| self.events.flush());
        self.keep_error(written);
    }

    /// Writes a line for each process. CPU usage is the increase of CPU time since the last sample.
    fn write_resources(&mut self, snapshot: &Snapshot, elapsed_seconds: f64) {
        let seconds = elapsed_seconds - std::mem::replace(&mut self.sampled_at, elapsed_seconds);
        self.counts.engine_resident = snapshot.engines.iter().map(|(_, process)| process.resident).sum();
        self.counts.supervisor_peak = self.counts.supervisor_peak.max(snapshot.supervisor.peak_resident);
        let mut before = std::mem::take(&mut self.cpu_seconds);
        let supervisor = std::iter::once((0, "supervisor", &snapshot.supervisor));
        let engines = snapshot.engines.iter().map(|(number, process)| (*number, "engine", process));
        for (engine, name, process) in supervisor.chain(engines) {
            let last = before.remove(&process.pid).unwrap_or(0.0);
            self.cpu_seconds.insert(process.pid, process.cpu_seconds);
            let cpu_percent = (process.cpu_seconds - last).max(0.0) / seconds.max(0.1) * 100.0;
            let line = resource_line(snapshot, process, engine, name, cpu_percent, elapsed_seconds);
            let written = self.resources.serialize(line).map_err(io::Error::other);
            self.keep_error(written);
        }
        let flushed = self.resources.flush().and_then(|()| self.results.flush());
        self.keep_error(flushed);
    }
}

/// Digest of the segments, the part of a result that has to be identical in each run.
fn digest(result: &FileResult) -> String {
    // Segments are plain values: serialization does not fail.
    hex::encode(Sha256::digest(serde_json::to_vec(&result.segments).unwrap_or_default()))
}

fn write_line(file: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}
