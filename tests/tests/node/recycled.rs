//! Workers that need help from their supervisors or from the operator.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::json;

use crate::cgroups::{signal, supervisor};
use crate::node::{DEADLINE, node, wait};
use crate::recordings::{prompts, reference};
use crate::run::Run;

#[test]
fn an_engine_above_its_soft_limit_is_recycled_and_the_pod_stays() {
    let node = node();
    // Half a processor, so that the figures before and after the replacement of an engine are scraped: the
    // dashboards are queried for them. An engine grows to 160 to 165 MB over these recordings, in small
    // steps: no engine was replaced at 160Mi, two at 144Mi, four at 136Mi, and six at 128Mi.
    let slow = json!({"name": "worker", "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}});
    let more = json!({
        "recycle": {"memorySoftLimit": "136Mi"},
        "scaling": {"minWorkers": 1, "maxWorkers": 1},
        "template": {"spec": {"containers": [slow]}},
    });
    let run = Run::start(&node, "node-recycled", prompts(), more);
    let pod = run.worker();
    let status = run.check(reference());
    assert!(status["recycles"]["memory"].as_i64().unwrap() >= 1, "{status:#}");
    let events = run.events().join("\n");
    assert!(events.contains("Recycled: "), "{events}");
    let pods = run.pods();
    assert_eq!(pods.len(), 1, "{pods:#?}");
    assert_eq!(pods[0]["metadata"]["uid"], pod["metadata"]["uid"]);
}

#[test]
fn a_worker_that_hangs_beyond_its_supervisors_help_is_replaced() {
    let node = node();
    let more = json!({"scaling": {"minWorkers": 1, "maxWorkers": 1}});
    let mut run = Run::start(&node, "node-hangs", prompts(), more);
    // Only a worker that has answered before counts as silent. The known plan came from its answer.
    run.until("an answer", |status| status["files"]["total"] == 568);
    run.committed(1);
    let pod = run.worker();
    // The supervisor, which would help the engine, is stopped: nothing inside the pod can help.
    signal(&supervisor(&node, &pod), "STOP");
    let status = run.until("the restart", |status| status["restarts"].as_i64() == Some(1));
    assert!(status["files"]["remaining"].as_i64().unwrap() > 0, "{status:#}");
    wait("another worker", || {
        run.pods().iter().any(|other| other["metadata"]["uid"] != pod["metadata"]["uid"]).then_some(())
    });
    run.check(reference());
    let events = run.events().join("\n");
    assert!(events.contains("Restarted: "), "{events}");
    assert!(events.contains("no answer for"), "{events}");
}

/// Runs as a user unknown to the image, as on OpenShift.
#[test]
fn a_worker_of_any_user_is_drained_with_exit_code_75() {
    let node = node();
    let more = json!({
        "scaling": {"minWorkers": 1, "maxWorkers": 1},
        "template": {"spec": {"securityContext": {"runAsUser": 1_000_650_000, "runAsGroup": 0}}},
    });
    let mut run = Run::start(&node, "node-drained", prompts(), more);
    run.committed(1);
    let pod = run.worker();
    let status = std::fs::read_to_string(format!("/proc/{}/status", supervisor(&node, &pod).id)).unwrap();
    assert!(status.contains("Uid:\t1000650000\t") && status.contains("Gid:\t0\t"), "{status}");
    let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
    let namespace = run.name.clone();
    let mut watch = node
        .command()
        .args(["-n", &namespace, "get", "pod", &name, "--watch", "-o"])
        .arg("jsonpath={.status.containerStatuses[0].state.terminated.exitCode}{\"\\n\"}")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (sender, states) = mpsc::channel();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let state = || states.recv_timeout(DEADLINE).unwrap();
    // The state of the still running pod: the watch has begun.
    assert_eq!(state(), "");
    node.kubectl(&["-n", &namespace, "delete", "pod", &name, "--wait=false"]);
    let code = std::iter::repeat_with(state).find(|code| !code.is_empty());
    assert_eq!(code.as_deref(), Some("75"));
    let _ = watch.kill();
    watch.wait().unwrap();
    run.check(reference());
}
