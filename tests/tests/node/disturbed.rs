//! Jobs that are disturbed while they run. Each ends with every recording transcribed once, and no committed
//! work repeated.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::cgroups::{signal, supervisor};
use crate::node::{Node, node, wait};
use crate::recordings::{prompts, reference};
use crate::run::Run;

/// Number of transcripts before the disturbance: the job is well under way.
const EARLY: usize = 60;
/// Duration of a server's outage, as in the scenarios.
const OUTAGE: Duration = Duration::from_secs(30);

/// Runs a job over the prompts, and disturbs it long before its end: `EARLY` of 568 are done by then.
#[track_caller]
fn disturbed(test: &str, what: impl FnOnce(&Node, &mut Run<'_>)) {
    let node = node();
    let mut run = Run::start(&node, &format!("node-{test}"), prompts(), json!({}));
    run.committed(EARLY);
    what(&node, &mut run);
    run.check(reference());
}

#[test]
fn a_worker_pod_is_deleted() {
    disturbed("deleted", |node, run| {
        let pod = run.worker();
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        node.kubectl(&["-n", &run.name, "delete", "pod", &name, "--wait=false"]);
    });
}

#[test]
fn a_worker_is_killed() {
    disturbed("killed", |node, run| signal(&supervisor(node, &run.worker()), "KILL"));
}

#[test]
fn a_worker_runs_out_of_memory() {
    disturbed("oom", |node, run| {
        let pod = run.worker();
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        let process = supervisor(node, &pod);
        // The kernel kills the process with the highest score: make it the container's first, as when the
        // whole group is killed.
        fs::write(format!("/proc/{}/oom_score_adj", process.id), "1000").unwrap();
        // A process that joins the container's group and allocates memory up to the limit.
        let hog = "echo $$ > \"$1/cgroup.procs\"; exec python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 20))'";
        let mut hog = Command::new("sh")
            .args(["-c", hog, "sh"])
            .arg(&process.cgroup)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ended = wait("the kernel's kill", || {
            let pod = node.json(&["-n", &run.name, "get", "pod", &name]).ok()?;
            let state = pod["status"]["containerStatuses"][0]["state"]["terminated"].clone();
            state.is_object().then_some(state)
        });
        let _ = hog.kill();
        hog.wait().unwrap();
        assert_eq!((&ended["reason"], &ended["exitCode"]), (&json!("OOMKilled"), &json!(137)), "{ended:#}");
    });
}

#[test]
fn the_operators_pods_are_killed() {
    disturbed("operator", |node, _| {
        node.kubectl(&[
            "-n",
            "verbatim-system",
            "delete",
            "pods",
            "-l",
            "app.kubernetes.io/name=verbatim",
            "--grace-period=0",
            "--force",
        ]);
    });
}

#[test]
fn the_api_server_is_unavailable() {
    disturbed("api-server", |node, _| {
        node.control("stop", "api-server");
        std::thread::sleep(OUTAGE);
        node.control("start", "api-server");
    });
}

#[test]
fn the_store_is_unavailable() {
    disturbed("store", |node, _| {
        node.control("stop", "store");
        std::thread::sleep(OUTAGE);
        node.control("start", "store");
    });
}

#[test]
fn the_job_is_suspended_and_resumed() {
    disturbed("suspended", |_, run| {
        run.patch(&json!({"suspend": true}));
        run.until("the suspension", |status| {
            status["phase"] == "Suspended" && status["workers"]["ready"] == 0
        });
        wait("the end of the workers", || run.pods().iter().all(ended).then_some(()));
        // What is committed now was committed before the resumption. The status may not include it yet: a
        // fast worker has completed a tenth before the operator's first poll.
        let half = run.committed(EARLY);
        assert!(half < prompts().len(), "{half} of them are done");
        run.patch(&json!({"suspend": false}));
    });
}

fn ended(pod: &serde_json::Value) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

#[test]
fn fewer_workers_are_allowed_and_more_again() {
    disturbed("scaled", |node, run| {
        run.patch(&json!({"scaling": {"maxWorkers": 1}}));
        run.until("one worker", |status| status["workers"]["desired"] == 1);
        node.kubectl(&["-n", &run.name, "scale", "tj/job", "--replicas=3"]);
    });
}
