//! The same job while something happens to it: each file has one outcome in the end, and no status ever claims what is not so.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim_testing::cluster::{ControlPlane, Exit, NodeOptions};

use crate::fleet::Fleet;
use crate::stage::{Stage, condition, define};

const FILES: u64 = 400;

/// A job that is half way, with three workers.
fn half_way(prefix: &str) -> Stage<'static> {
    let mut stage = Stage::shared(prefix, Fleet::new(FILES, 2));
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    stage.until("calls", "three workers", |status| status["workers"]["ready"] == 3 && done(status) > 20);
    stage
}

fn done(status: &Value) -> i64 {
    status["files"]["succeeded"].as_i64().unwrap_or_default()
}

/// The end, as it must be whatever happened.
fn complete(stage: &Stage<'_>) -> Value {
    let status = stage.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(
        status["files"],
        json!({"total": FILES, "succeeded": FILES, "failed": 0, "skipped": 0, "remaining": 0})
    );
    assert_eq!(condition(&status, "Complete"), "True AllFilesDone");
    assert_eq!(condition(&status, "Failed"), "False NotFailed");
    let events = stage.events("calls");
    assert_eq!(events.iter().filter(|event| event.starts_with("Complete: ")).count(), 1, "{events:#?}");
    assert!(!events.iter().any(|event| event.starts_with("Failed: ")), "{events:#?}");
    assert_eq!(stage.forbidden(), Vec::<String>::new());
    status
}

#[test]
fn a_deleted_worker_is_replaced() {
    let stage = half_way("deleted");
    let victim = stage.fleet.started().last().unwrap().clone();
    stage.namespace.kubectl(&["delete", "pod", &victim, "--wait=false"]).unwrap();
    stage.until("calls", "one worker less", |status| status["workers"]["ready"] != 3);
    let status = complete(&stage);
    assert_eq!(status["round"], 0);
    assert!(stage.fleet.exits().contains(&75));
}

#[test]
fn a_worker_that_exits_1_or_137_is_started_again_by_its_job() {
    let stage = half_way("exits");
    stage.fleet.end_one(Exit::code(1));
    stage.fleet.end_one(Exit::oom_killed());
    let status = complete(&stage);
    assert_eq!(status["round"], 0);
    let exits = stage.fleet.exits();
    assert!(exits.contains(&1) && exits.contains(&137), "{exits:?}");
}

#[test]
fn a_worker_that_exits_75_counts_as_no_failure() {
    let stage = half_way("drained");
    for _ in 0..3 {
        stage.fleet.end_one(Exit::code(75));
    }
    complete(&stage);
    assert!(stage.fleet.exits().iter().filter(|code| **code == 75).count() >= 3);
    assert_eq!(stage.get("job/calls-0")["status"]["failedIndexes"].as_str().unwrap_or_default(), "");
}

#[test]
fn a_worker_that_exits_78_ends_the_round_and_another_one_follows() {
    let stage = half_way("configuration");
    stage.fleet.end_one(Exit::code(78));
    let status =
        stage.until("calls", "a retry", |status| condition(status, "Progressing") == "True Retrying");
    assert_eq!(status["phase"], "Running");
    let status = complete(&stage);
    assert_eq!(status["round"], 1);
    let events = stage.events("calls").join("\n");
    assert!(events.contains("Retrying: ") && events.contains("StartedAgain: "), "{events}");
}

#[test]
fn an_operator_that_is_killed_goes_on_where_it_was() {
    let mut stage = half_way("operator");
    stage.kill_operator();
    let before = done(&stage.status("calls"));
    stage.operator(&[]);
    stage.until("calls", "progress", |status| done(status) > before);
    let status = complete(&stage);
    assert_eq!(status["round"], 0);
    assert_eq!(stage.get("jobs")["items"].as_array().unwrap().len(), 1);
    let events = stage.events("calls");
    assert_eq!(events.iter().filter(|event| event.starts_with("Planned: ")).count(), 1, "{events:#?}");
}

#[test]
fn an_operator_that_was_down_the_whole_time_says_the_same_later() {
    let mut stage = half_way("down");
    stage.kill_operator();
    stage.namespace.kubectl(&["wait", "job/calls-0", "--for=condition=Complete", "--timeout=120s"]).unwrap();
    assert_ne!(stage.status("calls")["phase"], "Complete");
    stage.operator(&[]);
    complete(&stage);
}

#[test]
fn a_job_that_is_suspended_loses_nothing() {
    let stage = half_way("suspended");
    stage.patch("calls", &json!({"suspend": true}));
    let status = stage.until("calls", "the pause", |status| {
        status["phase"] == "Suspended" && status["workers"] == json!({"desired": 0, "ready": 0})
    });
    assert_eq!(condition(&status, "Suspended"), "True SuspendedBySpec");
    assert_eq!(condition(&status, "Progressing"), "False SuspendedBySpec");
    let paused = stage.fleet.done();
    // Nothing is done while it waits: the pods are gone.
    assert!(
        stage.get("pods")["items"].as_array().unwrap().iter().all(|pod| pod["status"]["phase"] != "Running")
    );
    stage.patch("calls", &json!({"suspend": false}));
    let status = complete(&stage);
    assert!(stage.fleet.done() > paused);
    assert_eq!(status["round"], 0);
    let events = stage.events("calls").join("\n");
    assert!(events.contains("Suspended: ") && events.contains("Resumed: "), "{events}");
}

#[test]
fn most_workers_can_be_lowered_and_raised() {
    let stage = half_way("limits");
    stage.patch("calls", &json!({"scaling": {"maxWorkers": 1}}));
    stage.until("calls", "one worker", |status| status["workers"] == json!({"desired": 1, "ready": 1}));
    stage.namespace.kubectl(&["scale", "tj", "calls", "--replicas=3"]).unwrap();
    stage.until("calls", "three workers", |status| status["workers"]["desired"] == 3);
    let status = complete(&stage);
    assert_eq!(status["round"], 0);
    let events = stage.events("calls").join("\n");
    assert!(events.contains("ScaledDown: 3 -> 1") && events.contains("ScaledUp: 1 -> 3"), "{events}");
}

#[test]
fn a_sick_worker_that_must_stay_is_replaced_when_it_may_go() {
    let mut stage = Stage::shared("must-stay", Fleet::new(FILES, 2));
    stage.operator(&[]);
    stage.apply("calls", json!({"scaling": {"maxWorkers": 1}}));
    stage.until("calls", "progress", |status| done(status) > 20);
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "stay"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"verbatim.dev/job": "calls"}}}});
    stage.namespace.apply(&budget.to_string()).unwrap();
    stage.fleet.pause(true);
    stage.fleet.silent(true);
    let told = |reason: &str| {
        let events = stage.events("calls");
        events.into_iter().filter(|event| event.starts_with(reason)).collect::<Vec<_>>()
    };
    let mut looks = 0;
    let status = stage.until("calls", "a refusal", |_| {
        looks += 1;
        // Events are asked for every two seconds: it takes two minutes.
        looks % 20 == 0 && !told("RestartRefused: ").is_empty()
    });
    assert_eq!((status["phase"].as_str(), &status["restarts"]), (Some("Running"), &json!(0)), "{status:#}");
    stage.namespace.kubectl(&["delete", "pdb", "stay"]).unwrap();
    stage.until("calls", "the restart", |status| status["restarts"] == 1);
    stage.fleet.silent(false);
    stage.fleet.pause(false);
    let status = complete(&stage);
    assert_eq!((&status["restarts"], &status["round"]), (&json!(1), &json!(0)), "{status:#}");
    let refused = told("RestartRefused: ");
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert!(refused[0].contains("no answer for") && refused[0].contains("disruption budget"), "{refused:#?}");
    assert_eq!((told("Stalled: Refused").len(), told("Restarted: ").len()), (0, 1));
}

#[test]
fn a_job_whose_job_is_deleted_by_hand_starts_again() {
    let stage = half_way("by-hand");
    stage.namespace.kubectl(&["delete", "job", "calls-0"]).unwrap();
    let status = complete(&stage);
    assert_eq!(status["round"], 1);
    let events = stage.events("calls").join("\n");
    assert!(events.contains("StartedAgain: round 1, 3 workers: its Job is gone"), "{events}");
}

#[test]
fn an_api_server_that_is_gone_for_a_while_changes_nothing() {
    let cluster = ControlPlane::start().unwrap();
    define(&cluster);
    let mut stage = Stage::in_namespace(&cluster, "stopped", Fleet::new(FILES, 8), NodeOptions::default());
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    stage.until("calls", "three workers", |status| status["workers"]["ready"] == 3 && done(status) > 10);
    let before = stage.fleet.done();
    cluster.stop_api_server();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(200));
    }
    // Workers need no API server.
    assert!(stage.fleet.done() > before);
    cluster.start_api_server().unwrap();
    // An operator that could not renew its lease ends, as Kubernetes' own controllers do; its kubelet starts it again.
    stage.kill_operator();
    stage.operator(&[]);
    let status = complete(&stage);
    assert_eq!(status["round"], 0);
}
