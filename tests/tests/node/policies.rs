//! Network policies of the chart, enforced by the node.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cgroups::{Process, supervisor};
use crate::node::{node, root, wait};
use crate::recordings::{prompts, reference};
use crate::run::Run;

/// Whether an address answers over HTTP, with any status, from inside a process's network.
fn reaches(process: &Process, url: &str) -> bool {
    let mut command = Command::new("nsenter");
    command.args([
        "--net",
        "--target",
        &process.id.to_string(),
        "curl",
        "--silent",
        "--insecure",
        "--output",
        "/dev/null",
    ]);
    // A dropped packet gets no answer: two seconds are many times the usual response time here.
    command.args(["--max-time", "2", url]).stdin(Stdio::null()).status().unwrap().success()
}

#[test]
fn operator_and_workers_reach_what_they_need_and_nothing_else() {
    let node = node();
    let chart = root().join("charts/verbatim");
    let chart = chart.to_str().unwrap();
    let name = "node-policies";
    node.namespace(name);
    let values = [
        "--set",
        "networkPolicy.enabled=true",
        "--set",
        "networkPolicy.workerNamespaces={node-policies}",
        "--set",
        "networkPolicy.store.ports={7070}",
    ];
    node.helm(&["upgrade", "verbatim", chart], &values);
    let run =
        Run::start_there(&node, name, prompts(), json!({"scaling": {"minWorkers": 1, "maxWorkers": 1}}));
    let pod = run.worker();
    let worker = supervisor(&node, &pod);
    let address = pod["status"]["podIP"].as_str().unwrap();
    // Rules for a new pod are applied a moment after it starts.
    wait("the store in a worker's reach", || reaches(&worker, &node.endpoint()).then_some(()));
    wait("the API server out of a worker's reach", || (!reaches(&worker, &node.api_server())).then_some(()));
    // An unrelated pod, which no policy of the chart allows in.
    let stranger = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "namespace": "default"},
        "spec": {"containers": [{"name": "stranger", "image": "docker.io/library/verbatim-pause:1", "imagePullPolicy": "Never"}]}});
    node.kubectl(&["-n", "default", "delete", "pod", "stranger", "--ignore-not-found"]);
    node.send(&["apply", "-f", "-"], &stranger.to_string());
    node.kubectl(&["-n", "default", "wait", "pod/stranger", "--for=condition=Ready", "--timeout=60s"]);
    let stranger = pause(&node.json(&["-n", "default", "get", "pod", "stranger"]).unwrap());
    wait("the network of a stranger", || reaches(&stranger, &node.endpoint()).then_some(()));
    let metrics = format!("http://{address}:9090/metrics");
    assert!(!reaches(&stranger, &metrics), "a worker's metrics are not for everybody");
    // The operator reaches the worker, so the status has counts.
    run.until("counts in the status", |status| status["files"]["total"] == 568);
    // Still denied while the worker works, not only until its pod is known.
    assert!(!reaches(&worker, &node.api_server()), "a worker reaches the API server");
    run.check(reference());
    node.kubectl(&["-n", "default", "delete", "pod", "stranger"]);
    node.helm(&["upgrade", "verbatim", chart], &[]);
}

/// Process of a pod that only holds its namespaces.
fn pause(pod: &Value) -> Process {
    let uid = pod["metadata"]["uid"].as_str().unwrap();
    wait("the stranger's process", || {
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let groups = std::fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
            let command = std::fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
            (groups.contains(uid)).then(|| Process { id, command, cgroup: std::path::PathBuf::new() })
        })
    })
}
