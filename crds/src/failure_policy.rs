//! What happens when files fail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Files;

/// One accident, and one more to be sure.
pub const DEFAULT_MAX_ATTEMPTS_PER_FILE: u32 = 3;
/// More broken files than this point to a wrong source or a wrong model rather than to broken files.
pub const DEFAULT_MAX_FAILED_FILES: Files = Files::Percent(5);

/// What happens when files fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FailurePolicy {
    /// Times that a file is tried before it counts as failed. A file that cannot succeed is tried once.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts_per_file: u32,
    /// Failed files with which the job still completes, as `5%` or `100`.
    pub max_failed_files: Files,
    /// What to do when the host's or the GPU's memory runs out. ShrinkAndRetry: halve the batch and try again. Fail: the
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

/// What to do when memory runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnOutOfMemory {
    /// Halve the batch and try again; it grows back slowly.
    #[default]
    ShrinkAndRetry,
    /// The files in flight fail.
    Fail,
}
