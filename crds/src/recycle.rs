//! Limits for replacing engines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    quantity::{Bytes, Memory},
    rules::rule_at,
};

/// Leaves the supervisor room to act before the kernel does.
pub const DEFAULT_MEMORY_SOFT_LIMIT: Memory = Memory::Percent(80);
/// Just before the kernel would kill a process of its own choice.
pub const DEFAULT_MEMORY_HARD_LIMIT: Memory = Memory::Percent(95);
/// As for host memory.
pub const DEFAULT_GPU_MEMORY_HARD_LIMIT: Memory = Memory::Percent(98);
/// Above the budget of batches, so that only memory that is not released reaches it.
pub const DEFAULT_GPU_MEMORY_SOFT_LIMIT: Memory = Memory::Percent(90);
/// A leak that fills a gigabyte in five hours.
pub const DEFAULT_MEMORY_GROWTH_PER_HOUR: Bytes = Bytes(200 << 20);

/// Limits for replacing engines. Files in flight finish first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = soft_below_hard()))]
pub struct Recycle {
    /// Resident memory at which the engine is replaced: a percentage of the container's limit (`80%`) or
    /// bytes (`6Gi`). 0: no limit.
    pub memory_soft_limit: Memory,
    /// Resident memory at which the engine is killed: a percentage of the container's limit or bytes. Its
    /// files in flight run again in smaller batches. 0: no limit.
    pub memory_hard_limit: Memory,
    /// GPU memory at which the engine is replaced: a percentage of the GPU's memory (`90%`) or bytes
    /// (`20Gi`). 0: no limit.
    pub gpu_memory_soft_limit: Memory,
    /// GPU memory at which the engine is killed: a percentage of the GPU's memory or bytes. 0: no limit.
    pub gpu_memory_hard_limit: Memory,
    /// Hourly growth of the engine's resident memory after warm-up at which it is replaced, e.g. `200Mi`. 0:
    /// no limit.
    pub memory_growth_per_hour: Bytes,
    /// Number of files after which an engine is replaced. 0: no limit.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub max_files: u32,
}

/// The soft limit must not exceed the hard limit where both are percentages or both are bytes. A hard limit
/// of 0 is no limit.
fn soft_below_hard() -> Vec<serde_json::Value> {
    [("memorySoftLimit", "memoryHardLimit"), ("gpuMemorySoftLimit", "gpuMemoryHardLimit")]
        .map(|(soft, hard)| {
            let (a, b) = (format!("string(self.{soft})"), format!("string(self.{hard})"));
            let share = "matches('^[0-9]{1,3}%$')";
            rule_at(
                &format!(".{soft}"),
                &format!(
                    "{a}.{share} && {b}.{share} ? int({a}.replace('%', '')) <= int({b}.replace('%', '')) : \
                     !isQuantity({a}) || !isQuantity({b}) || quantity({b}).compareTo(quantity('0')) == 0 || \
                     !quantity({a}).isGreaterThan(quantity({b}))"
                ),
                &format!("{soft} must not exceed {hard}, or engines are killed before they can be recycled"),
            )
        })
        .into()
}

impl Default for Recycle {
    fn default() -> Self {
        Self {
            memory_soft_limit: DEFAULT_MEMORY_SOFT_LIMIT,
            memory_hard_limit: DEFAULT_MEMORY_HARD_LIMIT,
            gpu_memory_soft_limit: DEFAULT_GPU_MEMORY_SOFT_LIMIT,
            gpu_memory_hard_limit: DEFAULT_GPU_MEMORY_HARD_LIMIT,
            memory_growth_per_hour: DEFAULT_MEMORY_GROWTH_PER_HOUR,
            max_files: 0,
        }
    }
}
