//! Jobs under disruption: each file has one outcome in the end, and no status is ever inconsistent.

use serde_json::{Value, json};
use verbatim_testing::cluster::{ControlPlane, Exit, NodeOptions};

use crate::fixture::{Fixture, condition, define, wait_until};
use crate::fleet::Fleet;

const FILES: u64 = 400;

/// A job in progress, with three workers.
fn half_way(prefix: &str) -> Fixture<'static> {
    let mut fixture = Fixture::shared(prefix, Fleet::new(FILES, 2));
    fixture.operator(&[]);
    fixture.apply("calls", json!({}));
    fixture.until("calls", "three workers", |status| status["workers"]["ready"] == 3 && done(status) > 20);
    fixture
}

fn done(status: &Value) -> i64 {
    status["files"]["succeeded"].as_i64().unwrap_or_default()
}

/// Checks the end, which is the same for every disruption.
fn complete(fixture: &Fixture<'_>) -> Value {
    let status = fixture.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(
        status["files"],
        json!({"total": FILES, "succeeded": FILES, "failed": 0, "skipped": 0, "remaining": 0})
    );
    assert_eq!(condition(&status, "Complete"), "True AllFilesDone");
    assert_eq!(condition(&status, "Failed"), "False NotFailed");
    let events = fixture.events("calls");
    assert_eq!(events.iter().filter(|event| event.starts_with("Complete: ")).count(), 1, "{events:#?}");
    assert!(!events.iter().any(|event| event.starts_with("Failed: ")), "{events:#?}");
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
    status
}

#[test]
fn a_deleted_worker_is_replaced() {
    let fixture = half_way("deleted");
    let victim = fixture.fleet.started().last().unwrap().clone();
    fixture.namespace.kubectl(&["delete", "pod", &victim, "--wait=false"]).unwrap();
    fixture.until("calls", "one worker less", |status| status["workers"]["ready"] != 3);
    let status = complete(&fixture);
    assert_eq!(status["round"], 0);
    assert!(fixture.fleet.exits().contains(&75));
}

#[test]
fn the_job_restarts_workers_that_exit_1_or_137() {
    let fixture = half_way("exits");
    fixture.fleet.end_one(Exit::code(1));
    fixture.fleet.end_one(Exit::oom_killed());
    let status = complete(&fixture);
    assert_eq!(status["round"], 0);
    let exits = fixture.fleet.exits();
    assert!(exits.contains(&1) && exits.contains(&137), "{exits:?}");
}

#[test]
fn exit_75_is_no_failure() {
    let fixture = half_way("drained");
    for _ in 0..3 {
        fixture.fleet.end_one(Exit::code(75));
    }
    complete(&fixture);
    assert!(fixture.fleet.exits().iter().filter(|code| **code == 75).count() >= 3);
    assert_eq!(fixture.get("job/calls-0")["status"]["failedIndexes"].as_str().unwrap_or_default(), "");
}

#[test]
fn exit_78_ends_the_round_and_another_follows() {
    let fixture = half_way("configuration");
    fixture.fleet.end_one(Exit::code(78));
    let status =
        fixture.until("calls", "a retry", |status| condition(status, "Progressing") == "True Retrying");
    assert_eq!(status["phase"], "Running");
    let status = complete(&fixture);
    assert_eq!(status["round"], 1);
    let events = fixture.events("calls").join("\n");
    assert!(events.contains("Retrying: ") && events.contains("StartedAgain: "), "{events}");
}

#[test]
fn a_killed_operator_continues() {
    let mut fixture = half_way("operator");
    fixture.kill_operator();
    let before = done(&fixture.status("calls"));
    fixture.operator(&[]);
    fixture.until("calls", "progress", |status| done(status) > before);
    let status = complete(&fixture);
    assert_eq!(status["round"], 0);
    assert_eq!(fixture.get("jobs")["items"].as_array().unwrap().len(), 1);
    let events = fixture.events("calls");
    assert_eq!(events.iter().filter(|event| event.starts_with("Planned: ")).count(), 1, "{events:#?}");
}

#[test]
fn an_operator_that_was_down_reports_the_end_later() {
    let mut fixture = half_way("down");
    fixture.kill_operator();
    fixture
        .namespace
        .kubectl(&["wait", "job/calls-0", "--for=condition=Complete", "--timeout=120s"])
        .unwrap();
    assert_ne!(fixture.status("calls")["phase"], "Complete");
    fixture.operator(&[]);
    complete(&fixture);
}

#[test]
fn a_suspended_job_loses_nothing() {
    let fixture = half_way("suspended");
    fixture.patch("calls", &json!({"suspend": true}));
    let status = fixture.until("calls", "the pause", |status| {
        status["phase"] == "Suspended" && status["workers"] == json!({"desired": 0, "ready": 0})
    });
    assert_eq!(condition(&status, "Suspended"), "True SuspendedBySpec");
    assert_eq!(condition(&status, "Progressing"), "False SuspendedBySpec");
    let paused = fixture.fleet.done();
    // Nothing runs during the suspension: the pods are gone.
    assert!(
        fixture.get("pods")["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|pod| pod["status"]["phase"] != "Running")
    );
    fixture.patch("calls", &json!({"suspend": false}));
    let status = complete(&fixture);
    assert!(fixture.fleet.done() > paused);
    assert_eq!(status["round"], 0);
    let events = fixture.events("calls").join("\n");
    assert!(events.contains("Suspended: ") && events.contains("Resumed: "), "{events}");
}

#[test]
fn max_workers_can_be_lowered_and_raised() {
    let fixture = half_way("limits");
    fixture.patch("calls", &json!({"scaling": {"maxWorkers": 1}}));
    fixture.until("calls", "one worker", |status| status["workers"] == json!({"desired": 1, "ready": 1}));
    fixture.namespace.kubectl(&["scale", "tj", "calls", "--replicas=3"]).unwrap();
    fixture.until("calls", "three workers", |status| status["workers"]["desired"] == 3);
    let status = complete(&fixture);
    assert_eq!(status["round"], 0);
    let events = fixture.events("calls").join("\n");
    assert!(events.contains("ScaledDown: 3 -> 1") && events.contains("ScaledUp: 1 -> 3"), "{events}");
}

#[test]
fn a_refused_eviction_is_reported_once_and_retried() {
    let mut fixture = Fixture::shared("must-stay", Fleet::new(FILES, 2));
    fixture.operator(&["--unresponsive-after", "10"]);
    // Before the job, so that no eviction can succeed until the budget is deleted.
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "stay"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"verbatim.dev/job": "calls"}}}});
    fixture.namespace.apply(&budget.to_string()).unwrap();
    fixture.apply("calls", json!({"scaling": {"maxWorkers": 1}}));
    fixture.until("calls", "progress", |status| done(status) > 20);
    fixture.fleet.pause(true);
    fixture.fleet.silent(true);
    let events = |reason: &str| {
        let events = fixture.events("calls");
        events.into_iter().filter(|event| event.starts_with(reason)).collect::<Vec<_>>()
    };
    let status = fixture.until("calls", "a refusal", |_| !events("RestartRefused: ").is_empty());
    assert_eq!((status["phase"].as_str(), &status["restarts"]), (Some("Running"), &json!(0)), "{status:#}");
    fixture.namespace.kubectl(&["delete", "pdb", "stay"]).unwrap();
    fixture.until("calls", "the restart", |status| status["restarts"] == 1);
    fixture.fleet.silent(false);
    fixture.fleet.pause(false);
    let status = complete(&fixture);
    assert_eq!((&status["restarts"], &status["round"]), (&json!(1), &json!(0)), "{status:#}");
    let refused = events("RestartRefused: ");
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert!(refused[0].contains("no answer for") && refused[0].contains("disruption budget"), "{refused:#?}");
    assert_eq!((events("Stalled: Refused").len(), events("Restarted: ").len()), (0, 1));
}

#[test]
fn a_deleted_job_is_created_again() {
    let fixture = half_way("by-hand");
    fixture.namespace.kubectl(&["delete", "job", "calls-0"]).unwrap();
    let status = complete(&fixture);
    assert_eq!(status["round"], 1);
    let events = fixture.events("calls").join("\n");
    assert!(events.contains("StartedAgain: round 1, 3 workers: its Job was deleted"), "{events}");
}

#[test]
fn an_outage_of_the_api_server_changes_nothing() {
    let cluster = ControlPlane::start().unwrap();
    define(&cluster);
    let mut fixture =
        Fixture::in_namespace(&cluster, "stopped", Fleet::new(FILES, 8), NodeOptions::default());
    fixture.operator(&["--lease-seconds", "3"]);
    fixture.apply("calls", json!({}));
    fixture.until("calls", "three workers", |status| status["workers"]["ready"] == 3 && done(status) > 10);
    let before = fixture.fleet.done();
    cluster.stop_api_server();
    // An operator that cannot renew its lease exits, as Kubernetes' own controllers do. Workers need no API
    // server.
    wait_until("the operator's exit", || !fixture.operator_runs());
    wait_until("progress without the API server", || fixture.fleet.done() > before);
    cluster.start_api_server().unwrap();
    // The kubelet starts the operator again.
    fixture.kill_operator();
    fixture.operator(&[]);
    let status = complete(&fixture);
    assert_eq!(status["round"], 0);
}
