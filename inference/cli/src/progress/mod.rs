//! Progress and results of a run: counts, progress lines and bars, log events, summaries.

pub mod engine_log;
pub mod job_progress;
pub mod job_totals;
pub mod left_out;
pub mod reporter;
pub mod run_counts;
pub mod run_observers;
pub mod run_progress;
pub mod summary;
