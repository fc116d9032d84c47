//! Measurements of one moment.

/// All measurements of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The supervisor, which is this process.
    pub supervisor: Process,
    /// Running engines with their numbers.
    pub engines: Vec<(u64, Process)>,
    /// Cgroup of this process, if it has a memory controller.
    pub cgroup: Option<Cgroup>,
    /// Memory of the machine.
    pub machine: Machine,
    /// NVIDIA GPUs; empty without NVML.
    pub gpus: Vec<Gpu>,
}

impl Snapshot {
    /// Memory that can be allocated before the kernel has to kill, in bytes: the rest of the cgroup's limit
    /// or the available memory of the machine, whichever is less.
    pub fn available(&self) -> u64 {
        let left = self.cgroup.and_then(|cgroup| cgroup.left());
        left.map_or(self.machine.available, |left| left.min(self.machine.available))
    }

    /// Total that limits in percent refer to, in bytes: the limit of the cgroup, or else the memory of the
    /// machine.
    pub fn limit_total(&self) -> u64 {
        let limit = self.cgroup.and_then(|cgroup| cgroup.limit);
        limit.map_or(self.machine.total, |limit| limit.min(self.machine.total))
    }

    /// OOM kills in the cgroup; 0 without a cgroup.
    pub fn oom_kills(&self) -> u64 {
        self.cgroup.map_or(0, |cgroup| cgroup.oom_kills)
    }
}

/// Resources of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Peak resident memory, in bytes.
    pub peak_resident: u64,
    /// Proportional set size, in bytes: each shared page divided by the number of processes that share it.
    /// Not measured in every snapshot.
    pub proportional: Option<u64>,
    /// Anonymous resident memory, in bytes; 0 where the kernel does not provide it (before Linux 4.5,
    /// gVisor).
    pub anonymous: u64,
    /// Swapped-out memory, in bytes.
    pub swapped: u64,
    /// User and system time so far, in seconds.
    pub cpu_seconds: f64,
    /// Number of threads.
    pub threads: u64,
    /// Number of open file descriptors; 0 where counting is not permitted. An engine has at least its socket.
    pub open_files: u64,
}

/// Memory of a cgroup, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    /// Charged memory.
    pub current: u64,
    /// Charged memory without reclaimable file pages: the memory that counts for OOM kills.
    pub working_set: u64,
    /// Peak of the charged memory; none where the kernel does not provide it.
    pub peak: Option<u64>,
    /// Least limit of all levels; none without a limit.
    pub limit: Option<u64>,
    /// Least difference of limit and working set over all levels with a limit. A level above is also charged
    /// for other cgroups, so this may be less than `limit` minus `working_set`.
    pub headroom: Option<u64>,
    /// OOM kills so far.
    pub oom_kills: u64,
}

impl Cgroup {
    /// Memory that can be charged before the kernel has to kill, in bytes; none without a limit.
    pub fn left(&self) -> Option<u64> {
        let own = self.limit.map(|limit| limit.saturating_sub(self.working_set));
        own.into_iter().chain(self.headroom).min()
    }
}

/// Memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Total.
    pub total: u64,
    /// Available without swapping.
    pub available: u64,
}

/// Memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gpu {
    /// Index of the GPU.
    pub index: u32,
    /// Total.
    pub total: u64,
    /// In use by all processes.
    pub used: u64,
    /// In use by engines; none where NVML does not know their process ids, as in a pod.
    pub engines: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_counts() {
        let mut snapshot =
            Snapshot { machine: Machine { total: 1000, available: 400 }, ..Snapshot::default() };
        assert_eq!((snapshot.available(), snapshot.limit_total()), (400, 1000));
        // A cgroup without a limit changes nothing.
        snapshot.cgroup = Some(Cgroup { current: 300, working_set: 200, ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (400, 1000));
        snapshot.cgroup = Some(Cgroup { working_set: 200, limit: Some(500), ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (300, 500));
        // Other cgroups below the level with the limit leave less.
        snapshot.cgroup =
            Some(Cgroup { working_set: 200, limit: Some(500), headroom: Some(50), ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (50, 500));
        // The machine may have less than the limit, and a limit above its memory has no effect.
        snapshot.cgroup = Some(Cgroup { working_set: 200, limit: Some(5000), ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (400, 1000));
        // Above the limit nothing is left.
        snapshot.cgroup = Some(Cgroup { working_set: 600, limit: Some(500), ..Cgroup::default() });
        assert_eq!(snapshot.available(), 0);
    }
}
