//! Handling of failed files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Files;

/// Allows for one accident and one more retry.
pub const DEFAULT_MAX_ATTEMPTS_PER_FILE: u32 = 3;
/// More failed files suggest a wrong source or model rather than broken files.
pub const DEFAULT_MAX_FAILED_FILES: Files = Files::Percent(5);

/// Handling of failed files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FailurePolicy {
    /// Attempts before a file counts as failed. A file that cannot succeed is tried once.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts_per_file: u32,
    /// Maximum of failed files with which the job still completes, e.g. `5%` or `100`.
    pub max_failed_files: Files,
    /// Reaction when host or GPU memory runs out. ShrinkAndRetry: halve the batch and try again. Fail: the
    /// files in flight fail.
    pub on_out_of_memory: OnOutOfMemory,
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self {
            max_attempts_per_file: DEFAULT_MAX_ATTEMPTS_PER_FILE,
            max_failed_files: DEFAULT_MAX_FAILED_FILES,
            on_out_of_memory: OnOutOfMemory::default(),
        }
    }
}

/// Reaction when memory runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnOutOfMemory {
    /// Halve the batch and try again; it grows back slowly.
    #[default]
    ShrinkAndRetry,
    /// The files in flight fail.
    Fail,
}
