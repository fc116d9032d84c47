//! Decisions of the supervisor, each a pure function or a small state machine: they take observations and the
//! time, and give an action with the reason for it, in words and figures. No clock, no I/O, no random numbers
//! of their own.

pub mod backoff;
pub mod batch_budget;
mod decision;
pub mod exit_reason;
pub mod file_queue;
pub mod growth;
pub mod max_files;
pub mod memory_pressure;
pub mod oom_kills;
pub mod overlap;
pub mod oversized_batches;
pub mod recent_growth;
pub mod suspects;
pub mod wedged;

pub use backoff::Backoff;
pub use batch_budget::BatchBudget;
pub use decision::Decision;
pub use exit_reason::{EngineExit, exit_reason};
pub use file_queue::{FileQueue, NextFile};
pub use growth::{GrowthEstimate, GrowthMonitor, growth_exceeded};
pub use max_files::max_files;
pub use memory_pressure::{MemoryLimits, MemoryPressure, MemoryUsage, memory_pressure, soft_limit_too_low};
pub use oom_kills::OomKills;
pub use overlap::{GpuHeadroom, overlap};
pub use oversized_batches::oversized_batches;
pub use recent_growth::RecentGrowth;
pub use suspects::{OutOfMemoryRule, SuspectVerdict};
pub use wedged::{FileActivity, Pace, overdue_files, wedged_file};
