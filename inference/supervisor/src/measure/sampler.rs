//! Measures everything at once, again and again, and remembers what is too dear to measure each time.

use std::collections::HashMap;
use std::path::PathBuf;

use super::cgroup::Place;
use super::gpu::Gpus;
use super::{Cgroup, Process, Snapshot, machine, process};

/// Proportional memory is measured at each so-manieth snapshot: the kernel walks all page tables of the process for
/// it, with its lock held, which takes some milliseconds for each GB.
pub const PROPORTIONAL_EVERY: u64 = 5;

/// Measures this process, engines, cgroup, machine and GPUs.
#[derive(Debug)]
pub struct Sampler {
    proc: PathBuf,
    cgroup: Option<Place>,
    gpus: Gpus,
    /// Snapshots so far.
    taken: u64,
    /// Proportional memory of each process, in bytes, as last measured.
    proportional: HashMap<u32, u64>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampler {
    /// Looks for the cgroup and for NVML, once.
    pub fn new() -> Self {
        Self::below(PathBuf::from("/"))
    }

    fn below(root: PathBuf) -> Self {
        let cgroup = Place::find(&root, "self");
        Self { proc: root.join("proc"), cgroup, gpus: Gpus::open(), taken: 0, proportional: HashMap::new() }
    }

    /// Resident memory of a process in bytes, at the cost of one short file; none if it has ended.
    pub fn quick(&self, pid: u32) -> Option<u64> {
        process::resident(&self.proc, pid)
    }

    /// The cgroup, now.
    pub fn cgroup(&self) -> Option<Cgroup> {
        self.cgroup.as_ref().and_then(Place::read)
    }

    /// Everything, now. `engines` are numbers and process ids; those that have ended are left out.
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
        // Only of processes that live: the map does not grow.
        self.proportional.extend(proportional.map(|bytes| (pid, bytes)));
        Some(Process { proportional, ..process })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn engines_come_and_go() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut sampler = Sampler::new();
        assert!(sampler.quick(child.id()).unwrap() > 0);
        let engines = [(3, child.id())];
        let first = sampler.snapshot(&engines);
        assert_eq!(first.engines.len(), 1);
        assert_eq!((first.engines[0].0, first.engines[0].1.pid), (3, child.id()));
        assert!(first.engines[0].1.proportional.is_some());
        assert!(first.supervisor.proportional.is_some());
        assert_eq!(first.supervisor.pid, std::process::id());
        assert!(first.available() > 0 && first.limit_total() >= first.available());
        // In between, the last value stays.
        let second = sampler.snapshot(&engines);
        assert_eq!(second.engines[0].1.proportional, first.engines[0].1.proportional);
        assert_eq!(sampler.proportional.len(), 2);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(sampler.quick(child.id()), None);
        assert_eq!(sampler.snapshot(&engines).engines, []);
        assert_eq!(sampler.proportional.len(), 1);
    }

    #[test]
    fn an_engine_that_came_in_between_is_measured_at_the_next_turn() {
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
    fn where_nothing_is_told_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut sampler = Sampler::below(folder.path().to_path_buf());
        let snapshot = sampler.snapshot(&[(1, 1)]);
        assert_eq!(
            (snapshot.supervisor, snapshot.engines, snapshot.cgroup),
            (Process::default(), vec![], None)
        );
    }
}
