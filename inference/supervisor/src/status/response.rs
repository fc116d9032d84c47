//! The JSON of `/status`. Its keys are stable: keys may be added, but none is removed or changes its meaning.
//! A test compares them with `docs/status.md`, which explains them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::engine_event::EngineNumber;
use crate::measure::Gpu;
use crate::progress::Progress;
use crate::stats::Slope;

/// Time without a heartbeat after which the supervisor counts as dead. Its loop runs every 100 ms; it may
/// stall for seconds while the machine swaps, but never for a minute.
pub const SILENCE: Duration = Duration::from_secs(60);

/// Number of recycles kept: a few screens.
pub const MAX_RECYCLES: usize = 50;

/// Number of failures kept; the report contains all.
pub const MAX_FAILURES: usize = 20;

/// Longest name or message, in characters; the rest is cut off. S3 keys have at most 1024 bytes.
pub const MAX_CHARS: usize = 1024;

/// Status of a worker.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of the binary.
    pub version: &'static str,
    /// Current time, RFC 3339.
    pub time: String,
    /// Seconds since the worker started.
    pub uptime_seconds: f64,
    /// Running engines, oldest first.
    pub engines: Vec<EngineStatus>,
    /// Set while the start of the next engine is delayed, since engines keep failing.
    pub backing_off: Option<BackingOffStatus>,
    /// Files that engines have begun, the oldest first.
    pub files_in_flight: Vec<FileStatus>,
    /// Files that were in flight when an engine was lost, and have no outcome yet.
    pub suspects: Vec<SuspectStatus>,
    /// Replaced engines.
    pub recycles: RecycleSummary,
    /// Failed files.
    pub failures: FailureSummary,
    /// Batch budget, once it is known.
    pub budget: Option<BudgetStatus>,
    /// Growth of the newest engine with an estimate.
    pub growth: Option<GrowthStatus>,
    /// Memory, once it is measured.
    pub memory: Option<MemoryStatus>,
    /// Sums since the worker started.
    pub totals: Totals,
    /// Progress of the run, once it is known.
    pub progress: Option<RunProgress>,
}

/// State of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// Loading its model.
    Starting,
    /// Taking files.
    Ready,
    /// Being replaced: finishing its files, or being killed.
    Draining,
}

/// A running engine.
#[derive(Clone, Debug, Serialize)]
pub struct EngineStatus {
    /// Number of the engine.
    pub number: EngineNumber,
    /// Process id.
    pub pid: u32,
    /// State.
    pub state: EngineState,
    /// Seconds since its start.
    pub age_seconds: f64,
    /// Seconds from its start until it was ready; none before.
    pub load_seconds: Option<f64>,
    /// Files that it transcribed.
    pub files_done: u64,
    /// Resident memory as last measured, in bytes.
    pub resident_bytes: Option<u64>,
    /// Model, device and threads; empty before it was ready.
    pub description: String,
    /// Restrictions that it put on itself.
    pub sandbox: Vec<String>,
}

/// Delay of the next engine.
#[derive(Clone, Debug, Serialize)]
pub struct BackingOffStatus {
    /// Seconds until its start.
    pub seconds_left: f64,
    /// Reason with figures.
    pub why: String,
}

/// A file that an engine has begun.
#[derive(Clone, Debug, Serialize)]
pub struct FileStatus {
    /// Name of the file.
    pub name: String,
    /// Number of the engine.
    pub engine: EngineNumber,
    /// Times that it was begun, including this one.
    pub attempt: u32,
    /// Seconds since it was begun.
    pub seconds: f64,
}

/// A file that may have brought down an engine.
#[derive(Clone, Debug, Serialize)]
pub struct SuspectStatus {
    /// Name of the file.
    pub name: String,
    /// Times that it was begun.
    pub attempts: u32,
    /// Reason for the last loss of an engine with this file.
    pub reason: &'static str,
}

/// Replaced engines.
#[derive(Clone, Debug, Serialize)]
pub struct RecycleSummary {
    /// Number in all.
    pub total: u64,
    /// Number by reason, for every reason.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// The last [`MAX_RECYCLES`], newest first.
    pub last: Vec<RecycleStatus>,
}

/// A replaced engine.
#[derive(Clone, Debug, Serialize)]
pub struct RecycleStatus {
    /// Number of the engine.
    pub engine: EngineNumber,
    /// Time of the decision, RFC 3339.
    pub time: String,
    /// Reason from the closed list.
    pub reason: &'static str,
    /// Reason with figures.
    pub why: String,
    /// Exit status of its process; none while it runs.
    pub how: Option<String>,
    /// Seconds without an engine; none until the next one takes files.
    pub gap_seconds: Option<f64>,
    /// Whether the next engine was started before this one stopped taking files.
    pub overlapped: Option<bool>,
}

/// Failed files.
#[derive(Clone, Debug, Serialize)]
pub struct FailureSummary {
    /// Number in all.
    pub total: u64,
    /// Number by reason, for every reason.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// The last [`MAX_FAILURES`], newest first.
    pub last: Vec<FailureStatus>,
}

/// A failed file.
#[derive(Clone, Debug, Serialize)]
pub struct FailureStatus {
    /// Name of the file.
    pub name: String,
    /// Time of the failure, RFC 3339.
    pub time: String,
    /// Reason from the closed list.
    pub reason: &'static str,
    /// Message.
    pub message: String,
    /// Number of attempts.
    pub attempts: u32,
}

/// Batch budget.
#[derive(Clone, Debug, Serialize)]
pub struct BudgetStatus {
    /// Most seconds of segments, with padding, in the model at once.
    pub max_padded_seconds: f64,
    /// Reason for this budget, with figures.
    pub why: String,
}

/// Estimated growth of an engine, with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GrowthStatus {
    /// Number of the engine.
    pub engine: EngineNumber,
    /// Bytes per hour.
    pub bytes_per_hour: Slope,
    /// Bytes per hour of audio.
    pub bytes_per_audio_hour: Option<Slope>,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryStatus {
    /// Resident memory of the supervisor.
    pub supervisor_resident_bytes: u64,
    /// Resident memory of all engines.
    pub engines_resident_bytes: u64,
    /// Memory that can still be allocated.
    pub available_bytes: u64,
    /// Limit of the cgroup, or else the memory of the machine.
    pub limit_bytes: u64,
    /// All GPUs.
    pub gpus: Vec<GpuStatus>,
}

/// Memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GpuStatus {
    /// Index of the GPU.
    pub index: u32,
    /// Total.
    pub total_bytes: u64,
    /// In use by all processes.
    pub used_bytes: u64,
    /// In use by engines; none where the driver does not know their process ids.
    pub engines_bytes: Option<u64>,
}

impl From<&Gpu> for GpuStatus {
    fn from(gpu: &Gpu) -> Self {
        Self { index: gpu.index, total_bytes: gpu.total, used_bytes: gpu.used, engines_bytes: gpu.engines }
    }
}

/// Sums since the worker started.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Totals {
    /// Engines started.
    pub engines_started: u64,
    /// Files transcribed.
    pub files_done: u64,
    /// Files that failed.
    pub files_failed: u64,
    /// Audio of transcribed files.
    pub audio_seconds: f64,
    /// Time from first byte to last segment, summed over transcribed files, which run side by side.
    pub processing_seconds: f64,
}

/// Progress of the run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RunProgress {
    /// Progress as reported by the run.
    #[serde(flatten)]
    pub progress: Progress,
    /// Files without an outcome.
    pub remaining_files: u64,
}

/// The text, cut to [`MAX_CHARS`] characters: an engine may send a message of any length that the protocol
/// allows.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
