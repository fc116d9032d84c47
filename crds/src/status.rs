//! Status of a TranscriptionJob, of bounded size. State of single files is in the ledger.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{conditions::Phase, contract::RecycleReason};

/// Maximum of failures in the status: enough to see a pattern, and small in etcd.
pub const MAX_FAILURES: usize = 20;

/// Status of the job, as observed by the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TranscriptionJobStatus {
    /// Generation of the spec that the status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Summary for people. Programs should use the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Conditions, one per type.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Time when workers were first requested, or requested again after the last suspension. Deadlines count
    /// from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// Time when the job ended, complete or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Recordings with an outcome of all recordings, e.g. `81612/120000`, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub progress: Option<String>,
    /// Number of recordings by outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FileCounts>,
    /// Audio in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_seconds: Option<AudioSeconds>,
    /// Real-time factor of one worker: processing seconds per audio second, from sums; a decimal number as
    /// text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_time_factor: Option<String>,
    /// Speed of all workers together in audio seconds per second, e.g. `2930x`, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub speed_up: Option<String>,
    /// Estimated time of completion at the current speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_completion_time: Option<Time>,
    /// Number of workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkerCounts>,
    /// Number of replaced engines by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recycles: Option<RecycleCounts>,
    /// Workers that the operator replaced, since their supervisor could not recover.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub restarts: Option<i64>,
    /// Number of the current Job, from 0. A Job that ends with recordings left is followed by another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub round: Option<i32>,
    /// Latest failures, newest last. The report has all of them.
    #[schemars(length(max = MAX_FAILURES))]
    pub failures: Vec<FileFailure>,
    /// Location of the report, once it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_ref: Option<String>,
}

/// Number of recordings by outcome.
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
    /// Skipped, since they had transcripts.
    #[schemars(range(min = 0))]
    pub skipped: i64,
    /// Without an outcome.
    #[schemars(range(min = 0))]
    pub remaining: i64,
}

/// Audio in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AudioSeconds {
    /// Transcribed.
    #[schemars(range(min = 0))]
    pub done: i64,
    /// Remaining, estimated from bytes.
    #[schemars(range(min = 0))]
    pub remaining: i64,
}

/// Number of workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkerCounts {
    /// Desired workers.
    #[schemars(range(min = 0))]
    pub desired: i32,
    /// Ready workers.
    #[schemars(range(min = 0))]
    pub ready: i32,
}

/// Number of replaced engines by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RecycleCounts {
    /// Memory limit.
    #[schemars(range(min = 0))]
    pub memory: i64,
    /// GPU memory limit.
    #[schemars(range(min = 0))]
    pub gpu_memory: i64,
    /// Memory growth.
    #[schemars(range(min = 0))]
    pub growth: i64,
    /// Number of files.
    #[schemars(range(min = 0))]
    pub max_files: i64,
    /// Crashes, including engines that were killed.
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

/// A failed recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFailure {
    /// Key or path.
    #[schemars(length(max = 1024))]
    pub key: String,
    /// Reason, from a closed list.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Error message.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Number of attempts.
    #[schemars(range(min = 0))]
    pub attempts: i32,
}
