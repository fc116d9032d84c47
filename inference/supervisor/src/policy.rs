//! What the supervisor has to go by: the manifest's `recycle` and `failurePolicy`, and what a command line adds.

use std::path::PathBuf;
use std::time::Duration;

use verbatim_crds::failure_policy::{FailurePolicy, OnOutOfMemory};
use verbatim_crds::quantity::{Bytes, Memory};
use verbatim_crds::recycle::Recycle;

/// A file in flight may be silent for so long, however short it is: a disk that spins up, a machine that swaps.
pub const DEFAULT_WEDGED_AFTER: Duration = Duration::from_secs(30);

/// Rules of a supervisor.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The program whose `engine` command is an engine.
    pub program: PathBuf,
    /// Host memory at which an engine is replaced in order.
    pub memory_soft_limit: Memory,
    /// Host memory at which an engine is killed.
    pub memory_hard_limit: Memory,
    /// GPU memory at which an engine is replaced in order.
    pub gpu_memory_soft_limit: Memory,
    /// GPU memory at which an engine is killed.
    pub gpu_memory_hard_limit: Memory,
    /// Growth of host memory above which an engine is replaced; in bytes an hour, 0 for any.
    pub memory_growth_per_hour: Bytes,
    /// Files that an engine does; 0 for any number.
    pub max_files: u64,
    /// Times that a file is tried alone before it fails.
    pub max_attempts_per_file: u32,
    /// What to do when memory runs out.
    pub on_out_of_memory: OnOutOfMemory,
    /// Time for files in flight after the run was told to stop. At its end they are given back.
    pub grace_period: Duration,
    /// Least time without an event after which a file counts as wedged.
    pub wedged_after: Duration,
    /// Whether this process waits for orphans, as PID 1 has to. It then waits for every child that it did not start
    /// here: for a process of its own only.
    pub reap_orphans: bool,
    /// Files in flight together, at most; none: as many as the batch budget takes.
    pub max_in_flight: Option<usize>,
}

impl Policy {
    /// The rules that a manifest gives.
    pub fn new(recycle: &Recycle, failure: &FailurePolicy) -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            memory_soft_limit: recycle.memory_soft_limit,
            memory_hard_limit: recycle.memory_hard_limit,
            gpu_memory_soft_limit: recycle.gpu_memory_soft_limit,
            gpu_memory_hard_limit: recycle.gpu_memory_hard_limit,
            memory_growth_per_hour: recycle.memory_growth_per_hour,
            max_files: u64::from(recycle.max_files),
            max_attempts_per_file: failure.max_attempts_per_file,
            on_out_of_memory: failure.on_out_of_memory,
            grace_period: Duration::ZERO,
            wedged_after: DEFAULT_WEDGED_AFTER,
            reap_orphans: false,
            max_in_flight: None,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(&Recycle::default(), &FailurePolicy::default())
    }
}
