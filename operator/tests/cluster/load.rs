//! Load of two thousand jobs: memory, time and requests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use procfs::process::Process;
use serde_json::json;
use verbatim_crds::contract::metrics::values;
use verbatim_testing::cluster::{ControlPlane, NodeOptions};

use crate::fixture::{ACCOUNT, Fixture, define};
use crate::fleet::Fleet;

const JOBS: usize = 2000;
const RUNNING: usize = 500;
/// Period in which requests are counted.
const COUNTING_PERIOD: Duration = Duration::from_secs(120);
/// Longest time for 500 Jobs to get their pods on two processors.
const STARTED: Duration = Duration::from_secs(400);

#[test]
#[ignore = "takes five minutes and two processors: make operator-load"]
fn two_thousand_jobs_cost_little() {
    let cluster = ControlPlane::start().unwrap();
    define(&cluster);
    let mut fixture =
        Fixture::in_namespace(&cluster, "many", Fleet::new(1_000_000, 1), NodeOptions::default());
    fixture.fleet.pause(true);
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
        fixture.namespace.apply(&some.join("\n---\n")).unwrap();
    }
    let operator = fixture.operator(&["--look-every", "10"]);
    let started = Instant::now();
    loop {
        let phases =
            fixture.namespace.kubectl(&["get", "tj", "-o", "jsonpath={.items[*].status.phase}"]).unwrap();
        let count = |phase: &str| phases.split_whitespace().filter(|is| *is == phase).count();
        if count("Running") == RUNNING && count("Suspended") == JOBS - RUNNING {
            break;
        }
        assert!(
            started.elapsed() < STARTED,
            "{} running, {} suspended",
            count("Running"),
            count("Suspended")
        );
        std::thread::sleep(Duration::from_secs(1));
    }
    println!("all jobs settled after {:?}", started.elapsed());
    // The rates settle: their first window is a minute.
    std::thread::sleep(Duration::from_secs(90));
    let user = format!("system:serviceaccount:{}:{ACCOUNT}", fixture.namespace.name());
    let before = cluster.audit().unwrap().len();
    std::thread::sleep(COUNTING_PERIOD);
    let requests = cluster.audit().unwrap().split_off(before);
    let mut counts = BTreeMap::<(String, String), usize>::new();
    for request in requests.iter().filter(|request| request.user == user && request.resource != "leases") {
        *counts
            .entry((request.verb.clone(), format!("{}/{}", request.resource, request.subresource)))
            .or_default() += 1;
    }
    let status = Process::new(operator.try_into().unwrap()).unwrap().status().unwrap();
    let (now, peak) = (status.vmrss.unwrap() / 1024, status.vmhwm.unwrap() / 1024);
    println!("resident {now} MiB, peak {peak} MiB; requests in {COUNTING_PERIOD:?}: {counts:?}");
    let page = fixture.page();
    let quantile = p99(&page, values::PART_OWN);
    println!("reconciles p99 {quantile} s; with waiting {} s", p99(&page, values::PART_ALL));
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

/// p99 of reconciles: the upper bound of its bucket.
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
