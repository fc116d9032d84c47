//! Analysis of the recorded files of a soak: every number of the report, computed once.

mod downsample;
mod engine_history;
mod fault_detection;
mod file_stats;
mod measurements;
mod memory_growth;
mod numbers;
mod read;
mod tasks;

pub(crate) use downsample::{Sample, TimeBuckets};
pub(crate) use fault_detection::FaultRow;
pub(crate) use file_stats::{AudioLength, GroupStats, RecordingStats, TimeAndMemory};
pub(crate) use measurements::Measurements;
pub(crate) use memory_growth::{LIMIT_MB, MIN_FILES, MemoryGrowth, MemoryVerdict};
pub(crate) use numbers::{Analysis, Completeness, ReplacementCost};
pub(crate) use read::read;
pub use read::{LineError, ReadError};
