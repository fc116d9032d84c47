//! What processes use, read from outside of them: `/proc`, the cgroup, NVML.

/// Everything that was measured at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// This process.
    pub supervisor: Process,
    /// Each engine that lives, by its number.
    pub engines: Vec<(u64, Process)>,
    /// This process's cgroup, where there is one with a memory controller.
    pub cgroup: Option<Cgroup>,
    /// The machine.
    pub machine: Machine,
    /// Each NVIDIA GPU; empty without NVML.
    pub gpus: Vec<Gpu>,
}

/// What one process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Most resident memory so far, in bytes.
    pub peak_resident: u64,
    /// Resident memory, shared pages divided by those who share them, in bytes; not measured at every moment.
    pub proportional: Option<u64>,
    /// Resident memory that no file backs, in bytes.
    pub anonymous: u64,
    /// Swapped out, in bytes.
    pub swapped: u64,
    /// User and system time so far, in seconds.
    pub cpu_seconds: f64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_files: u64,
}

/// Memory of a cgroup, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    /// Charged now.
    pub current: u64,
    /// Charged now, without pages of files that can be dropped: what the kernel has to kill for.
    pub working_set: u64,
    /// Most that was charged; none where the kernel does not tell.
    pub peak: Option<u64>,
    /// The limit, the least of all levels; none without one.
    pub limit: Option<u64>,
    /// Processes that the kernel killed for memory so far.
    pub oom_kills: u64,
}

/// Memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// All.
    pub total: u64,
    /// What could be had without swapping.
    pub available: u64,
}

/// Memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gpu {
    /// Its number.
    pub index: u32,
    /// All.
    pub total: u64,
    /// In use by everybody.
    pub used: u64,
    /// In use by our engines; none where NVML does not know processes by our ids, as in a pod.
    pub engines: Option<u64>,
}
