//! Permissions of a worker's pod, seen from inside.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;

use crate::cgroups::{engine, processes, supervisor};
use crate::node::node;
use crate::recordings::{prompts, reference};
use crate::run::Run;

/// Whether `bytes` contains `needle`.
fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_worker_has_no_token_no_capability_and_nowhere_to_write_but_its_spool() {
    let node = node();
    let run =
        Run::start(&node, "node-safe", prompts(), json!({"scaling": {"minWorkers": 1, "maxWorkers": 1}}));
    let pod = run.worker();
    let all = processes(&node, &pod);
    assert!(all.len() >= 2, "a supervisor and an engine");
    for process in &all {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id)).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(value(set), "0000000000000000", "{set} of {}", process.command);
        }
        assert_eq!(value("NoNewPrivs:"), "1");
        assert_eq!(value("Seccomp:"), "2", "{}", process.command);
        assert!(value("Uid:").starts_with("65532"), "{}", value("Uid:"));
    }
    let worker = supervisor(&node, &pod);
    // Writable mounts: the spool, shared memory, and those that the container runtime gives every container.
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", worker.id)).unwrap();
    let writable: Vec<&str> = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|fields| fields[3].split(',').any(|option| option == "rw"))
        .map(|fields| fields[1])
        .filter(|at| !at.starts_with("/proc") && !at.starts_with("/sys"))
        .collect();
    let known = [
        "/spool",
        "/dev/shm",
        "/dev",
        "/dev/pts",
        "/dev/mqueue",
        "/dev/termination-log",
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
    ];
    assert!(writable.iter().all(|at| known.contains(at)), "{writable:?}");
    let inside = format!("/proc/{}/root", worker.id);
    assert!(!fs::exists(format!("{inside}/var/run/secrets")).unwrap());
    assert!(!fs::exists(format!("{inside}/run/secrets")).unwrap());
    for shell in ["bin/sh", "bin/bash", "usr/bin/sh", "usr/bin/apt"] {
        assert!(!fs::exists(format!("{inside}/{shell}")).unwrap(), "{shell} is in the image");
    }

    // The engine parses untrusted recordings: its environment, arguments and memory mappings must not hold
    // any key.
    let (access_key, secret_key) = node.keys();
    let engine = engine(&node, &pod);
    for file in ["environ", "cmdline", "maps", "mountinfo"] {
        let bytes = fs::read(format!("/proc/{}/{file}", engine.id)).unwrap();
        for secret in [&access_key, &secret_key] {
            assert!(!contains(&bytes, secret.as_bytes()), "a key is in the engine's {file}");
        }
    }
    // Several descriptors may refer to one socket.
    let open: BTreeSet<String> = fs::read_dir(format!("/proc/{}/fd", engine.id))
        .unwrap()
        .flatten()
        .filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
        .collect();
    let sockets = open.iter().filter(|target| target.starts_with("socket:")).count();
    assert_eq!(sockets, 1, "the one to its supervisor: {open:?}");
    let arguments = fs::read(format!("/proc/{}/cmdline", worker.id)).unwrap();
    assert!(!contains(&arguments, secret_key.as_bytes()), "the key is in the supervisor's arguments");
    run.check(reference());
    let log = node.kubectl(&["-n", &run.name, "logs", pod["metadata"]["name"].as_str().unwrap()]);
    assert!(!log.contains(&secret_key) && !log.contains(&access_key), "a key is in the log");
}
