//! A line of `resources.csv` from what was measured. Pure, but for the time that it carries.

use super::record::ResourceLine;
use super::recorder::now;
use verbatim_supervisor::engine_event::EngineNumber;
use verbatim_supervisor::measure::{Process, Snapshot};

/// What one process used, with what it shares with others.
pub(super) fn resources(
    snapshot: &Snapshot,
    process: &Process,
    engine: EngineNumber,
    name: &str,
    cpu_percent: f64,
    elapsed_seconds: f64,
) -> ResourceLine {
    let cgroup = snapshot.cgroup;
    let gpus = || snapshot.gpus.iter();
    ResourceLine {
        timestamp: now(),
        elapsed_seconds: milli(elapsed_seconds),
        process_name: name.to_owned(),
        pid: process.pid,
        cpu_percent: milli(cpu_percent),
        memory_rss_mb: mega(process.resident),
        memory_percent: milli(process.resident as f64 * 100.0 / snapshot.machine.total.max(1) as f64),
        memory_pss_mb: process.proportional.map(mega),
        memory_anonymous_mb: mega(process.anonymous),
        memory_swap_mb: mega(process.swapped),
        engine,
        threads: process.threads,
        open_files: process.open_files,
        cgroup_current_mb: cgroup.map(|cgroup| mega(cgroup.current)),
        cgroup_peak_mb: cgroup.and_then(|cgroup| cgroup.peak).map(mega),
        cgroup_limit_mb: cgroup.and_then(|cgroup| cgroup.limit).map(mega),
        cuda_used_mb: gpus().map(|gpu| mega(gpu.used)).reduce(|a, b| a + b),
        cuda_engine_mb: gpus().filter_map(|gpu| gpu.engines).map(mega).reduce(|a, b| a + b),
    }
}

/// Bytes in units of 10^6.
pub(super) fn mega(bytes: u64) -> f64 {
    milli(bytes as f64 / 1e6)
}

/// Three digits after the point are enough to read.
fn milli(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}
