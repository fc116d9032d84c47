//! Two replicas: one works, the other takes over, and never two write.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::fleet::Fleet;
use crate::stage::{ACCOUNT, LIMIT, OTHER, Stage};

fn signal(process: u32, signal: Signal) {
    kill(Pid::from_raw(process.try_into().unwrap()), signal).unwrap();
}

fn holder(stage: &Stage<'_>) -> Option<String> {
    let lease = stage.namespace.kubectl(&["get", "lease", "verbatim-operator", "-o", "json"]).ok()?;
    let lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
}

fn until(what: &str, holds: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what} never came");
        std::thread::sleep(Duration::from_millis(100));
    }
    begun.elapsed()
}

#[test]
fn another_replica_takes_over_from_one_that_was_killed() {
    let mut stage = Stage::shared("killed", Fleet::new(600, 4));
    stage.operator(&["--instance", "second"]);
    until("a leader", || holder(&stage).as_deref() == Some("second"));
    stage.operator(&["--instance", "third"]);
    stage.apply("calls", json!({}));
    stage.until("calls", "work", |status| status["workers"]["ready"].as_i64() > Some(0));
    stage.kill_first_operator();
    let took = until("another leader", || holder(&stage).as_deref() == Some("third"));
    println!("took over after {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    stage.until("calls", "the end", |status| status["phase"] == "Complete");
}

#[test]
fn a_replica_that_slept_through_its_lease_writes_nothing_more() {
    let mut stage = Stage::shared("slept", Fleet::new(3000, 2));
    let first = stage.operator_as(ACCOUNT, &["--instance", "first", "--lease-seconds", "5"]);
    until("a leader", || holder(&stage).as_deref() == Some("first"));
    stage.operator_as(OTHER, &["--instance", "second", "--lease-seconds", "5"]);
    stage.apply("calls", json!({}));
    stage.until("calls", "work", |status| status["workers"]["ready"] == 3);
    signal(first, Signal::SIGSTOP);
    until("another leader", || holder(&stage).as_deref() == Some("second"));
    // Both would write: the job's numbers change at every look.
    let seen = stage.status("calls")["files"]["succeeded"].as_i64();
    stage.until("calls", "the second's writes", |status| status["files"]["succeeded"].as_i64() > seen);
    signal(first, Signal::SIGCONT);
    until("the first's end", || !verbatim_testing::process::runs(first));
    let user = |account: &str| format!("system:serviceaccount:{}:{account}", stage.namespace.name());
    let writes = |request: &verbatim_testing::cluster::Request| {
        ["create", "patch", "delete", "update"].contains(&request.verb.as_str())
            && request.resource != "leases"
    };
    let audit = stage.cluster.audit().unwrap();
    let since = audit
        .iter()
        .find(|request| {
            request.user == user(OTHER)
                && request.resource == "leases"
                && request.verb == "update"
                && request.code == 200
        })
        .unwrap()
        .received;
    let late: Vec<_> = audit
        .iter()
        .filter(|request| request.user == user(ACCOUNT) && writes(request) && request.received >= since)
        .collect();
    assert!(late.is_empty(), "{late:#?}");
    assert!(audit.iter().any(|request| request.user == user(OTHER) && writes(request)));
    stage.patch("calls", &json!({"suspend": true}));
    stage.until("calls", "the pause", |status| status["phase"] == "Suspended");
}
