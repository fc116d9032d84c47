//! Policy of the supervisor: the manifest's `recycle` and `failurePolicy`, and additions of the command line.

use std::path::PathBuf;
use std::time::Duration;

use verbatim_crds::failure_policy::{FailurePolicy, OnOutOfMemory};
use verbatim_crds::quantity::{Bytes, Memory};
use verbatim_crds::recycle::Recycle;

/// Default of [`Policy::wedged_after`]: time for a disk to spin up, or a machine to swap.
pub const DEFAULT_WEDGED_AFTER: Duration = Duration::from_secs(30);

/// Policy of a supervisor.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Program whose command `engine` runs an engine.
    pub program: PathBuf,
    /// Host memory at which an engine is drained and replaced.
    pub memory_soft_limit: Memory,
    /// Host memory at which an engine is killed.
    pub memory_hard_limit: Memory,
    /// GPU memory at which an engine is drained and replaced.
    pub gpu_memory_soft_limit: Memory,
    /// GPU memory at which an engine is killed.
    pub gpu_memory_hard_limit: Memory,
    /// Growth of host memory above which an engine is replaced, in bytes per hour; 0 for no limit.
    pub memory_growth_per_hour: Bytes,
    /// Files after which an engine is replaced; 0 for no limit.
    pub max_files: u64,
    /// Losses of an engine with this file alone after which the file fails.
    pub max_attempts_per_file: u32,
    /// Action when memory runs out.
    pub on_out_of_memory: OnOutOfMemory,
    /// Time for files in flight after the run was stopped. At its end they are answered with Interrupted.
    pub grace_period: Duration,
    /// Shortest time without an event after which a file counts as wedged, however short it is.
    pub wedged_after: Duration,
    /// Whether this process reaps orphans, as PID 1 has to. It then waits for every child except engines: for
    /// a process of its own only.
    pub reap_orphans: bool,
    /// Most files in flight; none: as many as the batch budget takes.
    pub max_in_flight: Option<usize>,
}

impl Policy {
    /// The policy of a manifest, with defaults for the rest.
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
