//! Formats of the files that a soak records. The report is computed from these files alone, so anyone can
//! check it.

use serde::{Deserialize, Serialize};

/// JSON Lines of [`ResultLine`], one per task.
pub const RESULTS: &str = "results.jsonl";
/// CSV of [`ResourceLine`], one per process and second.
pub const RESOURCES: &str = "resources.csv";
/// JSON Lines of [`EventLine`], one per event.
pub const EVENTS: &str = "events.jsonl";
/// JSON of [`RunMetadata`].
pub const RUN: &str = "run.json";

/// One line of `results.jsonl`: one file in one round. The first fields are those of the original report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultLine {
    /// Name of the soak, such as `soak-20261124T053000Z`.
    pub test_id: String,
    /// Time of completion: RFC 3339, UTC.
    pub timestamp: String,
    /// Name of the file.
    pub audio_file: String,
    /// Size of the file, in units of 10^6 bytes.
    pub audio_size_mb: f64,
    /// Duration of the audio, in seconds; 0 if the file failed.
    pub audio_seconds: f64,
    /// Maximum number of files in flight.
    pub concurrency: usize,
    /// Number of the task (a file in a round) within the soak, from 1.
    pub task_id: usize,
    /// `success` or `failed`.
    pub status: String,
    /// Seconds from the first byte of the file to its last segment, in the attempt that produced the result.
    pub processing_time: f64,
    /// `processing_time` over `audio_seconds`; 0 if the file failed.
    pub rtf: f64,
    /// Resident memory of the engine at the start of the file, in units of 10^6 bytes.
    pub worker_rss_before_mb: f64,
    /// Resident memory of the engine at the end of the file, in units of 10^6 bytes.
    pub worker_rss_after_mb: f64,
    /// Difference of the two.
    pub worker_rss_delta_mb: f64,
    /// Reason and message of the failure, such as `EngineCrashed: ...`; null on success.
    pub error: Option<String>,
    /// Round, from 1.
    pub round: usize,
    /// Seconds since the start of the soak.
    pub elapsed_seconds: f64,
    /// Number of the engine that produced the result, from 1; 0 if none did.
    pub engine: u64,
    /// Process id of that engine.
    pub engine_pid: u32,
    /// Number of attempts.
    pub attempts: u32,
    /// SHA-256 of the segments as JSON, identical for each run of a file; null on failure.
    pub result_sha256: Option<String>,
    /// Files that the engine had completed before this one.
    pub engine_files: u64,
}

/// One line of `resources.csv`: one process at one second. The first columns are those of the original
/// report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceLine {
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Seconds since the start of the soak.
    pub elapsed_seconds: f64,
    /// `engine` or `supervisor`.
    pub process_name: String,
    /// Process id.
    pub pid: u32,
    /// CPU time over the last second, in percent of one processor.
    pub cpu_percent: f64,
    /// Resident memory, in units of 10^6 bytes, as all memory below.
    pub memory_rss_mb: f64,
    /// Resident memory in percent of the machine's memory.
    pub memory_percent: f64,
    /// Proportional set size.
    pub memory_pss_mb: Option<f64>,
    /// Anonymous memory, which no file backs.
    pub memory_anonymous_mb: f64,
    /// Swapped memory.
    pub memory_swap_mb: f64,
    /// Number of the engine; 0 for the supervisor.
    pub engine: u64,
    /// Number of threads.
    pub threads: u64,
    /// Number of open file descriptors.
    pub open_files: u64,
    /// Memory charged to the cgroup; empty without one.
    pub cgroup_current_mb: Option<f64>,
    /// Peak of the memory charged to the cgroup.
    pub cgroup_peak_mb: Option<f64>,
    /// Memory limit of the cgroup.
    pub cgroup_limit_mb: Option<f64>,
    /// Memory in use on all GPUs, by all processes; empty without NVML.
    pub cuda_used_mb: Option<f64>,
    /// Memory in use on all GPUs, by this soak's engines.
    pub cuda_engine_mb: Option<f64>,
}

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Seconds since the start of the soak.
    pub elapsed_seconds: f64,
    /// The event.
    #[serde(flatten)]
    pub event: SoakEvent,
}

/// Events of a soak, most of them in the life of an engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SoakEvent {
    /// An engine was started.
    EngineStarted {
        /// Number of the engine.
        engine: u64,
        /// Process id of the engine.
        pid: u32,
    },
    /// An engine is ready to accept files.
    EngineReady {
        /// Number of the engine.
        engine: u64,
        /// Seconds since its start.
        load_seconds: f64,
    },
    /// The supervisor decided to replace an engine.
    #[serde(rename = "engine_condemned")]
    EngineReplaced {
        /// Number of the engine.
        engine: u64,
        /// Name of the [`verbatim_crds::contract::RecycleReason`], such as `Memory` or `Crash`.
        reason: String,
        /// Whether the engine completes its files in flight; otherwise they are rerun.
        orderly: bool,
        /// Explanation with numbers.
        why: String,
    },
    /// The process of an engine ended.
    #[serde(rename = "engine_gone")]
    EngineExited {
        /// Number of the engine.
        engine: u64,
        /// Exit status, such as `exit code 0`.
        how: String,
        /// Files that the engine completed.
        files: u64,
    },
    /// No engine accepted files for a while.
    Gap {
        /// Number of the engine that ended the gap.
        engine: u64,
        /// Duration in seconds.
        seconds: f64,
        /// Whether the next engine was started before the old one exited.
        overlapped: bool,
    },
    /// A fault was injected.
    FaultInjected {
        /// Fault, such as `crash@17`.
        fault: String,
        /// `task_id` of the file that the fault was injected with.
        task_id: usize,
        /// Number of the engine that the fault hit.
        engine: u64,
    },
    /// The batch budget changed.
    Budget {
        /// Padded seconds of audio in a batch.
        max_padded_seconds: f64,
        /// Explanation.
        why: String,
    },
    /// Engines fail so often that the next start is delayed.
    BackingOff {
        /// Delay in seconds.
        seconds: f64,
        /// Explanation.
        why: String,
    },
    /// The phase of one concurrency starts.
    Phase {
        /// Maximum number of files in flight.
        concurrency: usize,
    },
}

/// `run.json`: configuration, environment and totals of a soak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunMetadata {
    /// Name of the soak.
    pub test_id: String,
    /// Start: RFC 3339, UTC.
    pub started: String,
    /// Duration in seconds.
    pub wall_seconds: f64,
    /// Command line as typed.
    pub command: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// Model, device, threads and batch budget, on one line.
    pub engine: String,
    /// Name and digest of the model.
    pub model: String,
    /// Name of the CPU.
    pub processor: String,
    /// Number of usable processors.
    pub processors: usize,
    /// Memory of the machine, in bytes.
    pub memory_bytes: u64,
    /// Name and version of the kernel.
    pub kernel: String,
    /// Files of one round.
    pub files: Vec<SoakFile>,
    /// Rounds started.
    pub rounds: usize,
    /// Soft memory limit of the engine, in bytes; null without one.
    pub memory_soft_limit_bytes: Option<u64>,
    /// Hard memory limit of the engine, in bytes; null without one.
    pub memory_hard_limit_bytes: Option<u64>,
    /// Requested faults, as typed.
    pub faults: Vec<String>,
    /// Seed of all random choices.
    pub seed: u64,
    /// Whether a signal ended the soak.
    pub interrupted: bool,
    /// Tasks handed to an engine without an answer; 0 unless a signal ended the soak or there is a bug.
    pub unanswered: usize,
    /// Peak resident memory of the supervisor, in bytes.
    pub supervisor_peak_bytes: u64,
}

/// A recording of a soak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoakFile {
    /// Name, as in `results.jsonl`.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}
