//! Repeated measurement of everything at once. Values that are too expensive for each snapshot are kept for
//! some.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::measure::cgroup::CgroupLocation;
use crate::measure::gpu::Gpus;
use crate::measure::snapshot::{Cgroup, Process, Snapshot};
use crate::measure::{machine, process};

/// Number of snapshots per measurement of proportional memory: the kernel walks all page tables of the
/// process for it, with its lock held, which takes some milliseconds per GB.
const PROPORTIONAL_EVERY: u64 = 5;

/// Sampler of this process, engines, cgroup, machine and GPUs.
#[derive(Debug)]
pub struct Sampler {
    proc: PathBuf,
    cgroup: Option<CgroupLocation>,
    gpus: Gpus,
    /// Number of snapshots so far.
    taken: u64,
    /// Proportional memory of each process as last measured, in bytes.
    proportional: HashMap<u32, u64>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampler {
    /// A sampler that has found the cgroup and opened NVML, if there are any.
    pub fn new() -> Self {
        Self::below(PathBuf::from("/"))
    }

    fn below(root: PathBuf) -> Self {
        let cgroup = CgroupLocation::find(&root, "self");
        Self { proc: root.join("proc"), cgroup, gpus: Gpus::open(), taken: 0, proportional: HashMap::new() }
    }

    /// Resident memory of a process, in bytes, at the cost of one short file; none if it has exited.
    pub fn resident(&self, pid: u32) -> Option<u64> {
        process::resident(&self.proc, pid)
    }

    /// Memory of the cgroup now.
    pub fn cgroup(&self) -> Option<Cgroup> {
        self.cgroup.as_ref().and_then(CgroupLocation::read)
    }

    /// Measures everything now. `engines` are numbers and process ids; engines that have exited are left out.
    pub fn snapshot(&mut self, engines: &[(u64, u32)]) -> Snapshot {
        let walk = self.taken.is_multiple_of(PROPORTIONAL_EVERY);
        self.taken += 1;
        let before = std::mem::take(&mut self.proportional);
        let supervisor = self.process(std::process::id(), walk, &before).unwrap_or_default();
        let engines: Vec<(u64, Process)> = engines
            .iter()
            .filter_map(|&(number, pid)| Some((number, self.process(pid, walk, &before)?)))
            .collect();
        let pids: Vec<u32> = engines.iter().map(|(_, process)| process.pid).collect();
        Snapshot {
            supervisor,
            cgroup: self.cgroup(),
            machine: machine::read(&self.proc),
            gpus: self.gpus.read(&pids),
            engines,
        }
    }

    fn process(&mut self, pid: u32, walk: bool, before: &HashMap<u32, u64>) -> Option<Process> {
        let process = process::read(&self.proc, pid)?;
        let proportional =
            if walk { process::proportional(&self.proc, pid) } else { before.get(&pid).copied() };
        // Only for running processes, so that the map is bounded.
        self.proportional.extend(proportional.map(|bytes| (pid, bytes)));
        Some(Process { proportional, ..process })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn running_engines_are_measured() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut sampler = Sampler::new();
        assert!(sampler.resident(child.id()).unwrap() > 0);
        let engines = [(3, child.id())];
        let first = sampler.snapshot(&engines);
        assert_eq!(first.engines.len(), 1);
        assert_eq!((first.engines[0].0, first.engines[0].1.pid), (3, child.id()));
        assert!(first.engines[0].1.proportional.is_some());
        assert!(first.supervisor.proportional.is_some());
        assert_eq!(first.supervisor.pid, std::process::id());
        assert!(first.available() > 0 && first.limit_total() >= first.available());
        // In between, the last value is kept.
        let second = sampler.snapshot(&engines);
        assert_eq!(second.engines[0].1.proportional, first.engines[0].1.proportional);
        assert_eq!(sampler.proportional.len(), 2);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(sampler.resident(child.id()), None);
        assert_eq!(sampler.snapshot(&engines).engines, []);
        assert_eq!(sampler.proportional.len(), 1);
    }

    #[test]
    fn a_new_engine_gets_proportional_memory_at_the_next_measurement() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut sampler = Sampler::new();
        sampler.snapshot(&[]);
        for turn in 1..=PROPORTIONAL_EVERY {
            let known = sampler.snapshot(&[(1, child.id())]).engines[0].1.proportional.is_some();
            assert_eq!(known, turn == PROPORTIONAL_EVERY, "{turn}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn an_empty_root_gives_an_empty_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let mut sampler = Sampler::below(folder.path().to_path_buf());
        let snapshot = sampler.snapshot(&[(1, 1)]);
        assert_eq!(
            (snapshot.supervisor, snapshot.engines, snapshot.cgroup),
            (Process::default(), vec![], None)
        );
    }
}
