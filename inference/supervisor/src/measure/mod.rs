//! What processes use, read from outside of them: `/proc`, the cgroup, NVML. Linux only.
//!
//! [`Sampler`] takes the ids of the engines' processes and gives [`Snapshot`]s. Whatever the kernel does not tell is
//! `None`, and never an error: measuring goes on with the rest.

mod cgroup;
mod gpu;
mod machine;
mod process;
mod sampler;
mod text;

pub use process::started;
pub use sampler::{PROPORTIONAL_EVERY, Sampler};

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

impl Snapshot {
    /// Memory that can still be taken before the kernel has to kill, in bytes: what is left of the cgroup's limit and
    /// what the machine has available, whichever is less.
    pub fn available(&self) -> u64 {
        let left = self.cgroup.and_then(|cgroup| cgroup.left());
        left.map_or(self.machine.available, |left| left.min(self.machine.available))
    }

    /// What limits in percent are taken of, in bytes: the cgroup's limit, or else the machine's memory.
    pub fn limit_total(&self) -> u64 {
        let limit = self.cgroup.and_then(|cgroup| cgroup.limit);
        limit.map_or(self.machine.total, |limit| limit.min(self.machine.total))
    }

    /// Processes of the cgroup that the kernel has killed for memory; 0 without a cgroup.
    pub fn oom_kills(&self) -> u64 {
        self.cgroup.map_or(0, |cgroup| cgroup.oom_kills)
    }
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
    /// Resident memory that no file backs, in bytes; 0 where the kernel does not tell (before Linux 4.5, gVisor).
    pub anonymous: u64,
    /// Swapped out, in bytes.
    pub swapped: u64,
    /// User and system time so far, in seconds.
    pub cpu_seconds: f64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors; 0 where we may not count them. A process that talks to us has at least one.
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
    /// What is left: limit without working set, the least of all levels that have a limit. A level above ours also
    /// pays for others, so this may be less than our limit without our working set.
    pub headroom: Option<u64>,
    /// Processes that the kernel killed for memory so far.
    pub oom_kills: u64,
}

impl Cgroup {
    /// What can still be charged before the kernel has to kill, in bytes; none without a limit.
    pub fn left(&self) -> Option<u64> {
        let own = self.limit.map(|limit| limit.saturating_sub(self.working_set));
        own.into_iter().chain(self.headroom).min()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_limit_counts() {
        let mut snapshot =
            Snapshot { machine: Machine { total: 1000, available: 400 }, ..Snapshot::default() };
        assert_eq!((snapshot.available(), snapshot.limit_total()), (400, 1000));
        // A cgroup without a limit changes nothing.
        snapshot.cgroup = Some(Cgroup { current: 300, working_set: 200, ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (400, 1000));
        snapshot.cgroup = Some(Cgroup { working_set: 200, limit: Some(500), ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (300, 500));
        // Neighbours below the level that has the limit leave less.
        snapshot.cgroup =
            Some(Cgroup { working_set: 200, limit: Some(500), headroom: Some(50), ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (50, 500));
        // The machine may have less than the limit allows, and a limit above it is none.
        snapshot.cgroup = Some(Cgroup { working_set: 200, limit: Some(5000), ..Cgroup::default() });
        assert_eq!((snapshot.available(), snapshot.limit_total()), (400, 1000));
        // Over the limit there is nothing left.
        snapshot.cgroup = Some(Cgroup { working_set: 600, limit: Some(500), ..Cgroup::default() });
        assert_eq!(snapshot.available(), 0);
    }
}
