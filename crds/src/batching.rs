//! Batch size.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{quantity::Memory, rules::rule};

/// Sixteen segments of maximum length (15 s).
pub const DEFAULT_MAX_PADDED_SECONDS: u32 = 240;
/// Share of a GPU's memory that leaves room for libraries and fragmentation.
pub const DEFAULT_GPU_MEMORY_BUDGET: Memory = Memory::Percent(80);

/// Batch size of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Batching {
    /// Maximum length of a batch in seconds: the number of segments times the longest segment. It bounds
    /// memory and does not change the text.
    #[schemars(range(min = 1, max = 14_400))]
    pub max_padded_seconds: u32,
    /// Maximum GPU memory for batches, e.g. `80%` or `6Gi`. Batches are reduced to stay within it.
    #[schemars(extend("x-kubernetes-validations" = [rule(
        "type(self) == int ? self != 0 : !self.matches('^0+[kMGTi]*$')",
        "gpuMemoryBudget must not be 0: batches need memory, e.g. 80% or 6Gi",
    )]))]
    pub gpu_memory_budget: Memory,
}

impl Default for Batching {
    fn default() -> Self {
        Self { max_padded_seconds: DEFAULT_MAX_PADDED_SECONDS, gpu_memory_budget: DEFAULT_GPU_MEMORY_BUDGET }
    }
}
