//! Every query of dashboards and alerts, over jobs that stay in each state until Prometheus has scraped it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::failed::{condition, damaged};
use crate::node::{Node, node, root, wait};
use crate::recordings::prompts;
use crate::run::{apply, template};

const NAMESPACE: &str = "node-queries";

/// Longest time for every query to have data, in seconds. The slowest one needs an engine with ten minutes of
/// transcribed audio, and another minute to measure its growth: two minutes here, and several times that on a
/// busy machine.
const WITHIN: u32 = 1200;

/// Scrapes of a state before it may end. A rate needs two.
const SCRAPES: u32 = 3;

/// Job spec with half a processor, so that the job lasts for many scrapes even on a fast machine. `more` is
/// its work during that time, merged into the spec.
fn slow(more: Value) -> Value {
    let mut spec = json!({
        "scaling": {"minWorkers": 1, "maxWorkers": 1},
        "template": template("500m"),
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

/// Endless jobs: each is followed by another one over the same recordings until it is stopped.
struct Endless<'a> {
    node: &'a Node,
    specs: BTreeMap<&'static str, Value>,
    runs: BTreeMap<&'static str, u32>,
}

impl Endless<'_> {
    /// Applies each job whose last run is complete.
    fn start_due_runs(&mut self) {
        for (name, spec) in &self.specs {
            let run = self.runs.entry(name).or_default();
            let last = format!("{name}-{run}");
            let phase = status(self.node, &last)["phase"].clone();
            assert_ne!(phase, "Failed", "{last}: {:#}", status(self.node, &last));
            if *run == 0 || phase == "Complete" {
                *run += 1;
                let mut spec = spec.clone();
                let destination = format!("{NAMESPACE}/{name}-{run}/");
                spec["destination"] = json!({"s3": {"bucket": "transcripts", "prefix": destination}});
                apply(self.node, NAMESPACE, &format!("{name}-{run}"), &format!("{NAMESPACE}/{name}/"), spec);
            }
        }
    }
}

fn status(node: &Node, name: &str) -> Value {
    node.json(&["-n", NAMESPACE, "get", "tj", name]).map(|job| job["status"].clone()).unwrap_or_default()
}

/// Waits until Prometheus has several samples of a series.
#[track_caller]
fn scraped(node: &Node, series: &str) {
    let query = format!("max(count_over_time({series}[5m]))");
    wait(&format!("{SCRAPES} scrapes of {series}"), || {
        (node.query_value(&query)? >= f64::from(SCRAPES)).then_some(())
    });
}

/// Starts `deploy/tests/queries.py`, which polls until every query has had data.
fn start_queries(node: &Node) -> Child {
    Command::new("python3")
        .args([
            "deploy/tests/queries.py",
            &node.prometheus(),
            "--minutes",
            "0",
            "--within",
            &WITHIN.to_string(),
        ])
        .args(["--excuse", "needs a GPU", "--excuse", "needs an alert that fires"])
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn every_query_of_dashboards_and_alerts_has_data() {
    let node = node();
    node.namespace(NAMESPACE);
    for bucket in ["calls", "transcripts"] {
        node.empty(bucket, NAMESPACE);
    }
    let folder = tempfile::tempdir().unwrap();
    let (mixed, bad) = damaged(folder.path());
    node.upload(&format!("{NAMESPACE}/mixed/"), &mixed);
    let is_bad = |file: &&PathBuf| bad.contains(&file.file_name().unwrap().to_str().unwrap().to_owned());
    let one: Vec<PathBuf> = mixed.iter().find(is_bad).cloned().into_iter().collect();
    node.upload(&format!("{NAMESPACE}/bad/"), &one);
    for copy in ["first", "second"] {
        node.upload(&format!("{NAMESPACE}/good/{copy}/"), prompts());
    }
    let mut queries = start_queries(&node);

    // Two permanent states.
    let storage = json!({"endpoint": node.endpoint(), "region": "us-east-1", "forcePathStyle": true,
        "credentialsSecretRef": {"name": "never"}});
    apply(&node, NAMESPACE, "stalled", &format!("{NAMESPACE}/good/"), json!({"storage": storage}));
    let policy = json!({"failurePolicy": {"maxFailedFiles": 0}});
    apply(&node, NAMESPACE, "failed", &format!("{NAMESPACE}/bad/"), policy);
    // Continuous failures of recordings and replacements of engines, and engines that live long.
    let replaced = json!({
        "batching": {"maxPaddedSeconds": 15},
        "failurePolicy": {"maxFailedFiles": "100%", "maxAttemptsPerFile": 2},
        "recycle": {"maxFiles": 60},
    });
    let specs = BTreeMap::from([("mixed", slow(replaced)), ("good", slow(json!({})))]);
    let mut jobs = Endless { node: &node, specs, runs: BTreeMap::new() };
    jobs.start_due_runs();
    for (job, kind) in [("stalled", "Stalled"), ("failed", "Failed")] {
        wait(&format!("the condition {kind}"), || {
            (condition(&status(&node, job), kind)?["status"] == "True").then_some(())
        });
    }
    // A store outage that lasts until Prometheus has seen it.
    scraped(&node, &format!(r#"verbatim_store_request_seconds_count{{namespace="{NAMESPACE}",code="ok"}}"#));
    node.control("stop", "store");
    let errors = r#"code!~"ok|NotFound|PreconditionFailed""#;
    scraped(&node, &format!(r#"verbatim_store_request_seconds_count{{namespace="{NAMESPACE}",{errors}}}"#));
    node.control("start", "store");

    while queries.try_wait().unwrap().is_none() {
        jobs.start_due_runs();
        std::thread::sleep(Duration::from_secs(1));
    }
    let queries = queries.wait_with_output().unwrap();
    let output =
        [queries.stdout, queries.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(queries.status.success(), "{output}");
    println!("{output}");
    node.kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]);
}
