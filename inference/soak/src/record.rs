//! The lines that a soak writes as it goes, and that its report is made from. The report knows nothing else, so anyone
//! can check it.

use serde::{Deserialize, Serialize};

/// One line of `results.jsonl`: one file in one round. The first fields are those of the original report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultLine {
    /// The soak, as `soak-20261124T053000Z`.
    pub test_id: String,
    /// When the file was done: RFC 3339, UTC.
    pub timestamp: String,
    /// Name of the file.
    pub audio_file: String,
    /// Its size, in units of 10^6 bytes.
    pub audio_size_mb: f64,
    /// Its audio, in seconds; 0 where it failed.
    pub audio_seconds: f64,
    /// Files that were in flight together, at most.
    pub concurrency: usize,
    /// Number of the file and round within the soak, from 1.
    pub task_id: usize,
    /// `success` or `failed`.
    pub status: String,
    /// From the file's first byte to its last segment, in seconds; of the attempt that answered.
    pub processing_time: f64,
    /// `processing_time` over `audio_seconds`; 0 where it failed.
    pub rtf: f64,
    /// The engine's resident memory when it took the file up, in units of 10^6 bytes.
    pub worker_rss_before_mb: f64,
    /// The same when the file was done.
    pub worker_rss_after_mb: f64,
    /// The difference.
    pub worker_rss_delta_mb: f64,
    /// What went wrong, as `EngineCrashed: ...`; null where nothing did.
    pub error: Option<String>,
    /// Round, from 1.
    pub round: usize,
    /// Since the soak's beginning, in seconds.
    pub elapsed_seconds: f64,
    /// Number of the engine that answered, from 1; 0 where none did.
    pub engine: u64,
    /// Its process.
    pub engine_pid: u32,
    /// Times that the file was begun.
    pub attempts: u32,
    /// SHA-256 of the segments as JSON, which are the same each time; null where it failed.
    pub result_sha256: Option<String>,
    /// Files that this engine had done before this one.
    pub engine_files: u64,
}

/// One line of `resources.csv`: one process at one second. The first columns are those of the original report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceLine {
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Since the soak's beginning.
    pub elapsed_seconds: f64,
    /// `engine` or `supervisor`.
    pub process_name: String,
    /// Its id.
    pub pid: u32,
    /// Processor time over the last second, in percent of one processor.
    pub cpu_percent: f64,
    /// Resident memory, in units of 10^6 bytes, like all below.
    pub memory_rss_mb: f64,
    /// Share of the machine's memory.
    pub memory_percent: f64,
    /// Proportional set size.
    pub memory_pss_mb: Option<f64>,
    /// Memory that no file backs.
    pub memory_anonymous_mb: f64,
    /// Swapped out.
    pub memory_swap_mb: f64,
    /// Number of the engine; 0 for the supervisor.
    pub engine: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_files: u64,
    /// What the cgroup is charged; empty without one.
    pub cgroup_current_mb: Option<f64>,
    /// Most that the cgroup was charged.
    pub cgroup_peak_mb: Option<f64>,
    /// The cgroup's limit.
    pub cgroup_limit_mb: Option<f64>,
    /// GPU memory in use by everybody, all GPUs; empty without NVML.
    pub cuda_used_mb: Option<f64>,
    /// GPU memory in use by our engines.
    pub cuda_engine_mb: Option<f64>,
}

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Since the soak's beginning.
    pub elapsed_seconds: f64,
    /// What happened.
    #[serde(flatten)]
    pub event: SoakEvent,
}

/// What happened to engines in a soak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SoakEvent {
    /// An engine was started.
    EngineStarted {
        /// Its number.
        engine: u64,
        /// Its process.
        pid: u32,
    },
    /// An engine took files from here on.
    EngineReady {
        /// Its number.
        engine: u64,
        /// Time from its start, in seconds.
        load_seconds: f64,
    },
    /// An engine is to be replaced.
    EngineCondemned {
        /// Its number.
        engine: u64,
        /// As `Memory` or `Crash`: [`verbatim_crds::contract::RecycleReason`].
        reason: String,
        /// Whether its files in flight finish first; otherwise they run again.
        orderly: bool,
        /// In words and figures.
        why: String,
    },
    /// An engine's process has ended.
    EngineGone {
        /// Its number.
        engine: u64,
        /// How, as `exit code 0`.
        how: String,
        /// Files that it did.
        files: u64,
    },
    /// No engine took files.
    Gap {
        /// The engine that takes files again.
        engine: u64,
        /// For how long.
        seconds: f64,
        /// Whether the next engine was started before the old one left.
        overlapped: bool,
    },
    /// A fault was injected.
    FaultInjected {
        /// As `crash@17`.
        fault: String,
        /// `task_id` of the file that it was injected with.
        task_id: usize,
        /// The engine that it hit.
        engine: u64,
    },
    /// The batch budget changed.
    Budget {
        /// Seconds of segments.
        max_padded_seconds: f64,
        /// Why.
        why: String,
    },
    /// Engines fail so often that the next one waits.
    BackingOff {
        /// How long, in seconds.
        seconds: f64,
        /// Why.
        why: String,
    },
    /// One concurrency's part of the soak begins.
    Phase {
        /// Files in flight together, at most.
        concurrency: usize,
    },
}

/// `run.json`: what was run, and on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The soak.
    pub test_id: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// How long it took, in seconds.
    pub wall_seconds: f64,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// Model, device, threads, budget, in one line.
    pub engine: String,
    /// The model and its digest.
    pub model: String,
    /// Processor, in words.
    pub processor: String,
    /// Processors that may be used.
    pub processors: usize,
    /// The machine's memory, in bytes.
    pub memory_bytes: u64,
    /// The kernel, in words.
    pub kernel: String,
    /// The files of one round.
    pub files: Vec<SoakFile>,
    /// Rounds that were begun.
    pub rounds: usize,
    /// Soft limit of the engine's memory, in bytes; none without one.
    pub memory_soft_limit_bytes: Option<u64>,
    /// Hard limit.
    pub memory_hard_limit_bytes: Option<u64>,
    /// Faults that were asked for, as typed.
    pub faults: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// Tasks that were handed to an engine and never answered; 0 unless something is wrong, or a signal ended it.
    pub unanswered: usize,
    /// Most resident memory of the supervisor, in bytes.
    pub supervisor_peak_bytes: u64,
}

/// A recording of a soak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoakFile {
    /// Its name, as in `results.jsonl`.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
}
