//! When an engine is replaced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    quantity::{Bytes, Memory},
    rules::rule_at,
};

/// Leaves the supervisor room below the container's limit to act before the kernel does.
pub const DEFAULT_MEMORY_SOFT_LIMIT: Memory = Memory::Percent(80);
/// What the kernel would do a moment later, to a process of its own choice.
pub const DEFAULT_MEMORY_HARD_LIMIT: Memory = Memory::Percent(95);
/// As for the host's memory.
pub const DEFAULT_GPU_MEMORY_HARD_LIMIT: Memory = Memory::Percent(98);
/// Above what batches may use, so that only what they leave behind gets there.
pub const DEFAULT_GPU_MEMORY_SOFT_LIMIT: Memory = Memory::Percent(90);
/// A leak that fills a gigabyte in five hours.
pub const DEFAULT_MEMORY_GROWTH_PER_HOUR: Bytes = Bytes(200 << 20);

/// When an engine is replaced. Files in flight finish first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = soft_below_hard()))]
pub struct Recycle {
    /// Resident memory at which the engine is replaced, as a share of the container's limit (`80%`) or in bytes (`6Gi`).
    /// 0: never.
    pub memory_soft_limit: Memory,
    /// Resident memory at which the engine is killed, as a share of the container's limit or in bytes; its files in
    /// flight run again, in smaller batches. 0: never.
    pub memory_hard_limit: Memory,
    /// GPU memory at which the engine is replaced, as a share of the GPU's (`90%`) or in bytes (`20Gi`). 0: never.
    pub gpu_memory_soft_limit: Memory,
    /// GPU memory at which the engine is killed, as a share of the GPU's or in bytes. 0: never.
    pub gpu_memory_hard_limit: Memory,
    /// Growth of the engine's resident memory in an hour at which it is replaced, after it has warmed up, as `200Mi`.
    /// 0: never.
    pub memory_growth_per_hour: Bytes,
    /// Files that an engine does before it is replaced. 0: any number.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub max_files: u32,
}

/// The soft limit comes first, where both are shares or both are bytes. A hard limit of 0 is none.
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
                &format!(
                    "{soft} must not be above {hard}, or engines are killed before they can be recycled"
                ),
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
