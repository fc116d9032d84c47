//! TranscriptionJob's status: what was observed, in numbers that stay small. Per-file state is in the ledger.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{conditions::Phase, contract::RecycleReason};

/// Failures that the status keeps: enough to see a pattern, and small in etcd.
pub const MAX_FAILURES: usize = 20;

/// What was observed of the job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TranscriptionJobStatus {
    /// Generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A summary for people. Programs read the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The truth, one entry to a type.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// When the first workers were asked for, or those after the last pause. Deadlines count from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the job was over, one way or the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Recordings with an outcome, of all: `81612/120000`. For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub progress: Option<String>,
    /// Recordings, by outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FileCounts>,
    /// Audio, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_seconds: Option<AudioSeconds>,
    /// Processing seconds per audio second of one worker, from sums; a decimal as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_time_factor: Option<String>,
    /// Audio seconds for each second that goes by, of all workers together: `2930x`. For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub speed_up: Option<String>,
    /// When the job will be done if it goes on as it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_completion_time: Option<Time>,
    /// Workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkerCounts>,
    /// Engines replaced, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recycles: Option<RecycleCounts>,
    /// Workers that the operator replaced, since nothing else helped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub restarts: Option<i64>,
    /// Which of the job's Jobs runs, from 0: there is another one when a Job ended with recordings left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub round: Option<i32>,
    /// The last failures, newest last. All of them are in the report.
    #[schemars(length(max = MAX_FAILURES))]
    pub failures: Vec<FileFailure>,
    /// Where the report is, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_ref: Option<String>,
}

/// Recordings, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FileCounts {
    /// All recordings of the plan.
    #[schemars(range(min = 0))]
    pub total: i64,
    /// Transcribed.
    #[schemars(range(min = 0))]
    pub succeeded: i64,
    /// Failed for good.
    #[schemars(range(min = 0))]
    pub failed: i64,
    /// Left alone, because their transcripts were there.
    #[schemars(range(min = 0))]
    pub skipped: i64,
    /// Still to do.
    #[schemars(range(min = 0))]
    pub remaining: i64,
}

/// Audio, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AudioSeconds {
    /// Transcribed.
    #[schemars(range(min = 0))]
    pub done: i64,
    /// Still to do, estimated from bytes.
    #[schemars(range(min = 0))]
    pub remaining: i64,
}

/// Workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkerCounts {
    /// Wanted.
    #[schemars(range(min = 0))]
    pub desired: i32,
    /// Ready.
    #[schemars(range(min = 0))]
    pub ready: i32,
}

/// Engines replaced, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RecycleCounts {
    /// Above the memory limit.
    #[schemars(range(min = 0))]
    pub memory: i64,
    /// Above the limit of GPU memory.
    #[schemars(range(min = 0))]
    pub gpu_memory: i64,
    /// Grew too fast.
    #[schemars(range(min = 0))]
    pub growth: i64,
    /// Did its number of files.
    #[schemars(range(min = 0))]
    pub max_files: i64,
    /// Crashed.
    #[schemars(range(min = 0))]
    pub crash: i64,
}

impl RecycleCounts {
    /// The counter of a reason; every disorderly end counts as a crash.
    pub fn counter(&mut self, reason: RecycleReason) -> &mut i64 {
        match reason {
            RecycleReason::Memory => &mut self.memory,
            RecycleReason::GpuMemory => &mut self.gpu_memory,
            RecycleReason::Growth => &mut self.growth,
            RecycleReason::MaxFiles => &mut self.max_files,
            RecycleReason::OutOfMemory
            | RecycleReason::Wedged
            | RecycleReason::Protocol
            | RecycleReason::Crash => &mut self.crash,
        }
    }

    /// The counters, each with the reason that names it in events and metric labels.
    pub fn entries(self) -> [(RecycleReason, i64); 5] {
        [
            (RecycleReason::Memory, self.memory),
            (RecycleReason::GpuMemory, self.gpu_memory),
            (RecycleReason::Growth, self.growth),
            (RecycleReason::MaxFiles, self.max_files),
            (RecycleReason::Crash, self.crash),
        ]
    }

    /// Counters computed one by one from those of `self` and `other`.
    #[must_use]
    pub fn zip(mut self, mut other: Self, combine: impl Fn(i64, i64) -> i64) -> Self {
        for (reason, count) in self.entries() {
            *self.counter(reason) = combine(count, *other.counter(reason));
        }
        self
    }
}

/// One recording that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFailure {
    /// Its key or path.
    #[schemars(length(max = 1024))]
    pub key: String,
    /// Reason, from the closed list of the engine.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What is wrong, in words.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Times that it was tried.
    #[schemars(range(min = 0))]
    pub attempts: i32,
}
