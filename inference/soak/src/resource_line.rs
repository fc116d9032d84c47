//! A line of `resources.csv` from a sample of one process. Pure, but for the timestamp.

use crate::record::ResourceLine;
use crate::units::{megabytes, three_decimals, timestamp};
use verbatim_supervisor::engine_event::EngineNumber;
use verbatim_supervisor::measure::{Process, Snapshot};

/// Resources of one process, with those that all processes share.
pub(crate) fn resource_line(
    snapshot: &Snapshot,
    process: &Process,
    engine: EngineNumber,
    name: &str,
    cpu_percent: f64,
    elapsed_seconds: f64,
) -> ResourceLine {
    let cgroup = snapshot.cgroup;
    let gpus = || snapshot.gpus.iter();
    let memory_percent = process.resident as f64 * 100.0 / snapshot.machine.total.max(1) as f64;
    ResourceLine {
        timestamp: timestamp(),
        elapsed_seconds: three_decimals(elapsed_seconds),
        process_name: name.to_owned(),
        pid: process.pid,
        cpu_percent: three_decimals(cpu_percent),
        memory_rss_mb: megabytes(process.resident),
        memory_percent: three_decimals(memory_percent),
        memory_pss_mb: process.proportional.map(megabytes),
        memory_anonymous_mb: megabytes(process.anonymous),
        memory_swap_mb: megabytes(process.swapped),
        engine,
        threads: process.threads,
        open_files: process.open_files,
        cgroup_current_mb: cgroup.map(|cgroup| megabytes(cgroup.current)),
        cgroup_peak_mb: cgroup.and_then(|cgroup| cgroup.peak).map(megabytes),
        cgroup_limit_mb: cgroup.and_then(|cgroup| cgroup.limit).map(megabytes),
        cuda_used_mb: gpus().map(|gpu| megabytes(gpu.used)).reduce(|a, b| a + b),
        cuda_engine_mb: gpus().filter_map(|gpu| gpu.engines).map(megabytes).reduce(|a, b| a + b),
    }
}
