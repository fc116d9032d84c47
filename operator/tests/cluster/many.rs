//! Two thousand jobs: memory, time, requests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use procfs::process::Process;
use serde_json::json;
use verbatim_testing::cluster::{ControlPlane, NodeOptions};

use crate::fleet::Fleet;
use crate::stage::{ACCOUNT, Stage, define};

const JOBS: usize = 2000;
const RUNNING: usize = 500;
/// For which requests are counted.
const WATCHED: Duration = Duration::from_secs(120);
/// For 500 Jobs to get their pods on two processors, beside everything else.
const STARTED: Duration = Duration::from_secs(400);

#[test]
#[ignore = "takes five minutes and two processors: make operator-load"]
fn two_thousand_jobs_cost_little() {
    let cluster = ControlPlane::start().unwrap();
    define(&cluster);
    let mut stage = Stage::in_namespace(&cluster, "many", Fleet::new(1_000_000, 1), NodeOptions::default());
    stage.fleet.pause(true);
    let objects: Vec<String> = (0..JOBS)
        .map(|number| {
            json!({
                "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob", "metadata": {"name": format!("job-{number}")},
                "spec": {
                    "suspend": number >= RUNNING,
                    "source": {"s3": {"bucket": "calls", "prefix": format!("{number}/")}},
                    "destination": {"s3": {"bucket": "transcripts", "prefix": format!("{number}/")}},
                    "scaling": {"minWorkers": 1, "maxWorkers": 1},
                },
            })
            .to_string()
        })
        .collect();
    for some in objects.chunks(200) {
        stage.namespace.apply(&some.join("\n---\n")).unwrap();
    }
    let operator = stage.operator(&["--look-every", "10"]);
    let begun = Instant::now();
    loop {
        let phases =
            stage.namespace.kubectl(&["get", "tj", "-o", "jsonpath={.items[*].status.phase}"]).unwrap();
        let count = |phase: &str| phases.split_whitespace().filter(|is| *is == phase).count();
        if count("Running") == RUNNING && count("Suspended") == JOBS - RUNNING {
            break;
        }
        assert!(begun.elapsed() < STARTED, "{} running, {} suspended", count("Running"), count("Suspended"));
        std::thread::sleep(Duration::from_secs(1));
    }
    println!("all jobs as they should be after {:?}", begun.elapsed());
    // The scaling's figures settle: the first window of rates is a minute.
    std::thread::sleep(Duration::from_secs(90));
    let user = format!("system:serviceaccount:{}:{ACCOUNT}", stage.namespace.name());
    let before = cluster.audit().unwrap().len();
    std::thread::sleep(WATCHED);
    let requests = cluster.audit().unwrap().split_off(before);
    let mut counts = BTreeMap::<(String, String), usize>::new();
    for request in requests.iter().filter(|request| request.user == user && request.resource != "leases") {
        *counts
            .entry((request.verb.clone(), format!("{}/{}", request.resource, request.subresource)))
            .or_default() += 1;
    }
    let status = Process::new(operator.try_into().unwrap()).unwrap().status().unwrap();
    let (now, peak) = (status.vmrss.unwrap() / 1024, status.vmhwm.unwrap() / 1024);
    println!("resident {now} MiB, at most {peak} MiB; requests in {WATCHED:?}: {counts:?}");
    let page = stage.page();
    let quantile = p99(&page, "own");
    println!("reconciles below {quantile} s but one of a hundred; with waiting {} s", p99(&page, "all"));
    assert!(peak < 100, "{peak} MiB");
    assert!(quantile <= 0.05, "{quantile}");
    let writes: usize = counts
        .iter()
        .filter(|((verb, _), _)| verb != "watch" && verb != "list" && verb != "get")
        .map(|(_, n)| n)
        .sum();
    assert_eq!(writes, 0, "{counts:?}");
    let all: usize = counts.values().sum();
    assert!(all < JOBS * 2, "{all} requests for {JOBS} jobs in two minutes");
}

/// The upper bound of the bucket that holds the 99th of a hundred reconciles.
fn p99(page: &str, part: &str) -> f64 {
    let buckets: Vec<(f64, f64)> = page
        .lines()
        .filter(|line| {
            line.starts_with("verbatim_operator_reconcile_seconds_bucket")
                && line.contains(&format!("part=\"{part}\""))
        })
        .map(|line| {
            let bound = line.split("le=\"").nth(1).unwrap().split('"').next().unwrap();
            (bound.parse().unwrap_or(f64::INFINITY), line.rsplit(' ').next().unwrap().parse().unwrap())
        })
        .collect();
    let all = buckets.last().unwrap().1;
    buckets.into_iter().find(|(_, count)| *count >= 0.99 * all).unwrap().0
}
