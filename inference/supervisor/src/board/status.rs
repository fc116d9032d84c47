//! The answer of `/status`. Its keys are stable: new ones may come, none goes or changes its meaning. `docs/status.md`
//! explains them; a test compares.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::measure::Gpu;
use crate::observe::EngineNumber;
use crate::progress::Progress;
use crate::stats::Slope;

/// A supervisor that was not heard of for so long is taken for dead. Its loop turns every 100 ms; it may stand still
/// for seconds when the machine swaps, and never for a minute.
pub const SILENCE: Duration = Duration::from_secs(60);

/// How many recycles are remembered: some screens of them.
pub const RECYCLES: usize = 50;

/// How many failures are remembered; the report has them all.
pub const FAILURES: usize = 20;

/// Longest name or message, in characters; the rest is cut off. Keys of S3 have at most 1024 bytes.
pub const WORDS: usize = 1024;

/// Everything that is known of a worker.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of the binary.
    pub version: &'static str,
    /// Now, RFC 3339.
    pub time: String,
    /// Seconds since the worker began.
    pub uptime_seconds: f64,
    /// Engines whose process lives, oldest first.
    pub engines: Vec<Engine>,
    /// Set while the next engine is not started yet, because engines keep failing.
    pub backing_off: Option<BackingOff>,
    /// Files that engines work on, the longest in work first.
    pub files_in_flight: Vec<InFlight>,
    /// Files that were in flight when an engine was lost, and are not done or failed yet.
    pub suspects: Vec<Suspect>,
    /// Engines that were replaced.
    pub recycles: Recycles,
    /// Files that failed.
    pub failures: Failures,
    /// The batch budget, once it is known.
    pub budget: Option<Budget>,
    /// Growth of the newest engine that was there for long enough.
    pub growth: Option<Growth>,
    /// Memory, once it was measured.
    pub memory: Option<Memory>,
    /// Sums since the worker began.
    pub totals: Totals,
    /// How far the run is, once it is known.
    pub progress: Option<Run>,
}

/// What an engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// It loads its model.
    Starting,
    /// It takes files.
    Ready,
    /// It is being replaced: it finishes its files, or is being killed.
    Draining,
}

/// An engine.
#[derive(Clone, Debug, Serialize)]
pub struct Engine {
    /// Its number.
    pub number: EngineNumber,
    /// Its process.
    pub pid: u32,
    /// What it does.
    pub state: EngineState,
    /// Seconds since it was started.
    pub age_seconds: f64,
    /// Seconds from its start to when it was ready; none before.
    pub load_seconds: Option<f64>,
    /// Files that it did.
    pub files_done: u64,
    /// Its resident memory, in bytes, as last measured.
    pub resident_bytes: Option<u64>,
    /// Model, device and threads, in words; empty before it was ready.
    pub description: String,
    /// What it took away from itself, in words.
    pub sandbox: Vec<String>,
}

/// Why and how long the next engine is not started.
#[derive(Clone, Debug, Serialize)]
pub struct BackingOff {
    /// Seconds until it is.
    pub seconds_left: f64,
    /// Why, in words.
    pub why: String,
}

/// A file that an engine works on.
#[derive(Clone, Debug, Serialize)]
pub struct InFlight {
    /// How people know it.
    pub name: String,
    /// The engine.
    pub engine: EngineNumber,
    /// Times that it was begun, this one included.
    pub attempt: u32,
    /// Seconds since it was begun.
    pub seconds: f64,
}

/// A file that may have done harm to an engine.
#[derive(Clone, Debug, Serialize)]
pub struct Suspect {
    /// How people know it.
    pub name: String,
    /// Times that it was begun.
    pub attempts: u32,
    /// Why the last engine was lost over it.
    pub reason: &'static str,
}

/// Engines that were replaced.
#[derive(Clone, Debug, Serialize)]
pub struct Recycles {
    /// How many.
    pub total: u64,
    /// How many by reason, each reason there is.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// The last [`RECYCLES`], newest first.
    pub last: Vec<Recycle>,
}

/// A replacement.
#[derive(Clone, Debug, Serialize)]
pub struct Recycle {
    /// The engine that was replaced.
    pub engine: EngineNumber,
    /// When that was decided, RFC 3339.
    pub time: String,
    /// Why, from the closed list.
    pub reason: &'static str,
    /// Why, in words and figures.
    pub why: String,
    /// How its process ended, in words; none while it lives.
    pub how: Option<String>,
    /// Seconds without an engine; none until the next one takes files.
    pub gap_seconds: Option<f64>,
    /// Whether the next one was started before it left.
    pub overlapped: Option<bool>,
}

/// Files that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failures {
    /// How many.
    pub total: u64,
    /// How many by reason, each reason there is.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// The last [`FAILURES`], newest first.
    pub last: Vec<Failure>,
}

/// A failure.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// How people know the file.
    pub name: String,
    /// When it failed, RFC 3339.
    pub time: String,
    /// Why, from the closed list.
    pub reason: &'static str,
    /// Why, in words.
    pub message: String,
    /// Times that it was tried.
    pub attempts: u32,
}

/// The batch budget.
#[derive(Clone, Debug, Serialize)]
pub struct Budget {
    /// Seconds of segments, with padding, that may be in the model at once.
    pub max_padded_seconds: f64,
    /// Why that many, in words.
    pub why: String,
}

/// An estimate of an engine's growth, with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Growth {
    /// The engine.
    pub engine: EngineNumber,
    /// Bytes an hour.
    pub bytes_per_hour: Slope,
    /// Bytes for an hour of audio.
    pub bytes_per_audio_hour: Option<Slope>,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// Resident memory of the supervisor.
    pub supervisor_resident_bytes: u64,
    /// Resident memory of all engines.
    pub engines_resident_bytes: u64,
    /// What can still be taken.
    pub available_bytes: u64,
    /// The cgroup's limit, or else the machine's memory.
    pub limit_bytes: u64,
    /// Each GPU.
    pub gpus: Vec<GpuMemory>,
}

/// Memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GpuMemory {
    /// Its number.
    pub index: u32,
    /// All.
    pub total_bytes: u64,
    /// In use by everybody.
    pub used_bytes: u64,
    /// In use by our engines; none where the driver does not know them by our ids.
    pub engines_bytes: Option<u64>,
}

impl From<&Gpu> for GpuMemory {
    fn from(gpu: &Gpu) -> Self {
        Self { index: gpu.index, total_bytes: gpu.total, used_bytes: gpu.used, engines_bytes: gpu.engines }
    }
}

/// Sums since the worker began.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Totals {
    /// Engines started.
    pub engines_started: u64,
    /// Files whose transcript was made.
    pub files_done: u64,
    /// Files that failed.
    pub files_failed: u64,
    /// Audio of the files that are done.
    pub audio_seconds: f64,
    /// From first byte to last segment, all files that are done added up; files run side by side.
    pub processing_seconds: f64,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    /// As whoever runs it tells.
    #[serde(flatten)]
    pub progress: Progress,
    /// Files that nothing became of yet.
    pub remaining_files: u64,
}

/// At most [`WORDS`] characters: an engine may send a message of any length that the protocol allows.
pub(super) fn short(words: &str) -> String {
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}
