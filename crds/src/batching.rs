//! How much goes through the model at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{quantity::Memory, rules::rule};

/// Sixteen segments of the greatest length (15 s).
pub const DEFAULT_MAX_PADDED_SECONDS: u32 = 240;
/// Share of a GPU's memory that leaves room for the libraries and for fragments.
pub const DEFAULT_GPU_MEMORY_BUDGET: Memory = Memory::Percent(80);

/// How much goes through the model at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Batching {
    /// Greatest sum of the segments' lengths in a batch, each counted as long as the longest of them. Memory is
    /// bounded by it; the text does not depend on it.
    #[schemars(range(min = 1, max = 14_400))]
    pub max_padded_seconds: u32,
    /// Greatest part of the GPU's memory that batches may use, as `80%` or `6Gi`. The batch is made smaller to stay
    /// within.
    #[schemars(extend("x-kubernetes-validations" = [rule(
        "type(self) == int ? self != 0 : !self.matches('^0+[kMGTi]*$')",
        "gpuMemoryBudget must not be 0: batches need memory, as 80% or 6Gi",
    )]))]
    pub gpu_memory_budget: Memory,
}

impl Default for Batching {
    fn default() -> Self {
        Self { max_padded_seconds: DEFAULT_MAX_PADDED_SECONDS, gpu_memory_budget: DEFAULT_GPU_MEMORY_BUDGET }
    }
}
