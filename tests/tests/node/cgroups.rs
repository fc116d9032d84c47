//! Processes of a pod, as the node's kernel sees them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::node::Node;

/// Process in a pod.
pub struct Process {
    pub id: i32,
    pub command: String,
    /// Folder of its memory cgroup.
    pub cgroup: PathBuf,
}

/// Processes of a pod, without those that hold its namespaces.
pub fn processes(node: &Node, pod: &Value) -> Vec<Process> {
    let uid = pod["metadata"]["uid"].as_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut found: Vec<Process> = ids
        .filter_map(|id| {
            let groups = fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
            let group = groups
                .lines()
                .find_map(|line| line.split_once(":memory:").or_else(|| line.split_once("::")))
                .map(|(_, group)| group)
                .filter(|group| {
                    group.contains(&format!("verbatim-{}", node.name())) && group.contains(uid)
                })?;
            let command = fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?.replace('\0', " ");
            let v1 = PathBuf::from("/sys/fs/cgroup/memory");
            let mount = if v1.exists() { v1 } else { PathBuf::from("/sys/fs/cgroup") };
            let cgroup = mount.join(group.trim_start_matches('/'));
            (command.contains("verbatim")).then_some(Process { id, command, cgroup })
        })
        .collect();
    found.sort_by_key(|process| process.id);
    found
}

/// Supervisor of the worker: the first process of its container.
pub fn supervisor(node: &Node, pod: &Value) -> Process {
    let found = processes(node, pod).into_iter().find(|process| process.command.contains(" worker "));
    found.unwrap_or_else(|| panic!("no supervisor in {}", pod["metadata"]["name"]))
}

/// Engine of the worker.
pub fn engine(node: &Node, pod: &Value) -> Process {
    let found = processes(node, pod).into_iter().find(|process| process.command.contains(" engine"));
    found.unwrap_or_else(|| panic!("no engine in {}", pod["metadata"]["name"]))
}

/// Sends a signal to a process.
pub fn signal(process: &Process, name: &str) {
    assert!(
        Command::new("kill").args([&format!("-{name}"), &process.id.to_string()]).status().unwrap().success()
    );
}
