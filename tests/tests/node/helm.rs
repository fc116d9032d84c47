//! The chart, with running jobs.

use serde_json::json;
use verbatim_testing::helm::older_chart;

use crate::node::{node, root};
use crate::recordings::{prompts, reference};
use crate::run::Run;

#[test]
fn an_upgrade_of_the_chart_disturbs_no_job() {
    let node = node();
    let folder = tempfile::tempdir().unwrap();
    let older = older_chart(folder.path()).unwrap();
    let chart = root().join("charts/verbatim");
    let chart = chart.to_str().unwrap();
    node.helm(&["upgrade", "verbatim", older.to_str().unwrap()], &[]);
    let mut run = Run::start(&node, "node-upgraded", prompts(), json!({}));
    run.committed(60);
    // A changed pod template, so that the operator's pods are really replaced.
    node.helm(&["upgrade", "verbatim", chart], &["--set", "operator.podAnnotations.upgraded=yes"]);
    run.check(reference());
    let releases = node.helm(&["history", "verbatim"], &[]);
    assert!(releases.contains("verbatim-0.0.9"), "{releases}");
    node.helm(&["upgrade", "verbatim", chart], &[]);
}

#[test]
fn without_the_chart_jobs_and_their_data_stay_and_with_it_they_go_on() {
    let node = node();
    let chart = root().join("charts/verbatim");
    let mut run = Run::start(&node, "node-uninstalled", prompts(), json!({}));
    run.committed(60);
    let output = node.helm(&["uninstall", "verbatim"], &[]);
    assert!(
        output.contains("[CustomResourceDefinition] transcriptionjobs.verbatim.dev"),
        "what stays: {output}"
    );
    // The job and its completed work are still there.
    let job = node.json(&["-n", &run.name, "get", "tj", "job"]).unwrap();
    assert!(job["metadata"]["deletionTimestamp"].is_null(), "{job:#}");
    node.kubectl(&["get", "crd", "transcriptionjobs.verbatim.dev"]);
    node.helm(&["upgrade", "verbatim", chart.to_str().unwrap()], &[]);
    run.check(reference());
}

#[test]
fn the_charts_own_tests_pass() {
    let node = node();
    let chart = root().join("charts/verbatim");
    let chart = chart.to_str().unwrap();
    node.upload("node-helm-test/", &prompts()[..2]);
    node.secret("verbatim-system", "s3");
    let storage = json!({"endpoint": node.endpoint(), "region": "us-east-1", "forcePathStyle": true,
        "credentialsSecretRef": {"name": "s3"}});
    let job = json!({
        "source": {"s3": {"bucket": "calls", "prefix": "node-helm-test/"}},
        "destination": {"s3": {"bucket": "transcripts", "prefix": "node-helm-test/"}},
        "storage": storage,
    });
    node.helm(&["upgrade", "verbatim", chart], &["--set-json", &format!("tests.job={job}")]);
    let output = node.helm(&["test", "verbatim"], &["--timeout", "10m"]);
    assert_eq!(output.matches("Phase:          Succeeded").count(), 3, "{output}");
    node.helm(&["upgrade", "verbatim", chart], &[]);
}
