//! Two replicas: one works, the other takes over, and never both write.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::fixture::{ACCOUNT, Fixture, OTHER, wait_until};
use crate::fleet::Fleet;

fn signal(process: u32, signal: Signal) {
    kill(Pid::from_raw(process.try_into().unwrap()), signal).unwrap();
}

fn holder(fixture: &Fixture<'_>) -> Option<String> {
    let lease = fixture.namespace.kubectl(&["get", "lease", "verbatim-operator", "-o", "json"]).ok()?;
    let lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
}

#[test]
fn another_replica_takes_over_after_a_kill() {
    let mut fixture = Fixture::shared("killed", Fleet::new(600, 4));
    fixture.operator(&["--instance", "second"]);
    wait_until("a leader", || holder(&fixture).as_deref() == Some("second"));
    fixture.operator(&["--instance", "third"]);
    fixture.apply("calls", json!({}));
    fixture.until("calls", "work", |status| status["workers"]["ready"].as_i64() > Some(0));
    fixture.kill_first_operator();
    let took = wait_until("another leader", || holder(&fixture).as_deref() == Some("third"));
    println!("took over after {took:?}");
    // Four times the default duration of a lease.
    assert!(took < Duration::from_secs(60), "{took:?}");
    fixture.until("calls", "the end", |status| status["phase"] == "Complete");
}

#[test]
fn a_replica_suspended_past_its_lease_writes_nothing() {
    let mut fixture = Fixture::shared("slept", Fleet::new(3000, 2));
    let first = fixture.operator_as(ACCOUNT, &["--instance", "first", "--lease-seconds", "5"]);
    wait_until("a leader", || holder(&fixture).as_deref() == Some("first"));
    fixture.operator_as(OTHER, &["--instance", "second", "--lease-seconds", "5"]);
    fixture.apply("calls", json!({}));
    fixture.until("calls", "work", |status| status["workers"]["ready"] == 3);
    signal(first, Signal::SIGSTOP);
    wait_until("another leader", || holder(&fixture).as_deref() == Some("second"));
    // Both would write: the job's counts change constantly.
    let seen = fixture.status("calls")["files"]["succeeded"].as_i64();
    fixture.until("calls", "the second's writes", |status| status["files"]["succeeded"].as_i64() > seen);
    signal(first, Signal::SIGCONT);
    wait_until("the first's end", || !verbatim_testing::process::runs(first));
    let user = |account: &str| format!("system:serviceaccount:{}:{account}", fixture.namespace.name());
    let writes = |request: &verbatim_testing::cluster::Request| {
        ["create", "patch", "delete", "update"].contains(&request.verb.as_str())
            && request.resource != "leases"
    };
    let audit = fixture.cluster.audit().unwrap();
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
    fixture.patch("calls", &json!({"suspend": true}));
    fixture.until("calls", "the pause", |status| status["phase"] == "Suspended");
}
