//! Jobs with recordings that cannot be transcribed, and one that cannot start.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::node::{node, wait};
use crate::recordings::prompts;
use crate::run::Run;

pub fn condition<'a>(status: &'a Value, name: &str) -> Option<&'a Value> {
    status["conditions"].as_array()?.iter().find(|each| each["type"] == name)
}

/// Prompts with damaged recordings among them, which are written to `folder`, and the names of the damaged
/// ones. There is one for every fifty good ones, so that failures occur throughout a job.
pub fn damaged(folder: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let (mut recordings, mut names) = (prompts().to_vec(), Vec::new());
    let contents = [&b""[..], b"no sound at all", b"<html></html>"];
    for (near, bytes) in prompts().iter().step_by(50).zip(contents.into_iter().cycle()) {
        let name = format!("{}-damaged.wav", near.file_stem().unwrap().to_str().unwrap());
        let file = folder.join(&name);
        std::fs::write(&file, bytes).unwrap();
        recordings.push(file);
        names.push(name);
    }
    (recordings, names)
}

#[test]
fn damaged_recordings_fail_by_name_and_the_others_are_done() {
    let node = node();
    let folder = tempfile::tempdir().unwrap();
    let (recordings, names) = damaged(folder.path());
    let mut bad: Vec<String> = names.iter().map(|name| format!("node-failed/{name}")).collect();
    bad.sort_unstable();
    let more = json!({
        "failurePolicy": {"maxFailedFiles": bad.len(), "maxAttemptsPerFile": 2},
        "scaling": {"minWorkers": 1, "maxWorkers": 1},
    });
    let run = Run::start(&node, "node-failed", &recordings, more);
    let status =
        run.until("the end", |status| matches!(status["phase"].as_str(), Some("Complete" | "Failed")));
    assert_eq!(status["phase"], "Complete", "{status:#}");
    let good = prompts().len();
    let files = json!({
        "total": recordings.len(), "succeeded": good, "failed": bad.len(), "skipped": 0, "remaining": 0,
    });
    assert_eq!(status["files"], files, "{status:#}");
    let mut failed: Vec<&str> =
        status["failures"].as_array().unwrap().iter().map(|each| each["key"].as_str().unwrap()).collect();
    failed.sort_unstable();
    assert_eq!(failed, bad, "{status:#}");
    let events = run.events();
    // Never one event per failure: they are reported together, once a minute.
    let told = events.iter().filter(|event| event.starts_with("FilesFailed: ")).count();
    assert!((1..bad.len()).contains(&told), "{events:#?}");
    assert!(events.iter().any(|event| event.starts_with("Complete: ")), "{events:#?}");
}

#[test]
fn a_job_without_its_secret_is_stalled_and_begins_when_the_secret_comes() {
    let node = node();
    let storage = json!({"endpoint": node.endpoint(), "region": "us-east-1", "forcePathStyle": true,
        "credentialsSecretRef": {"name": "later"}});
    let run = Run::start(&node, "node-stalled", &prompts()[..20], json!({"storage": storage}));
    let status = run.until("the stall", |status| {
        condition(status, "Stalled").is_some_and(|stalled| stalled["status"] == "True")
    });
    let stalled = condition(&status, "Stalled").unwrap();
    assert_eq!(stalled["reason"], "PodsFailing", "{status:#}");
    assert!(stalled["message"].as_str().unwrap().contains("secret \"later\" not found"), "{status:#}");
    // The dashboards and alerts show it too.
    let query = r#"max(verbatim_job_condition{job_namespace="node-stalled",condition="Stalled"})"#;
    wait("a scrape of the operator", || (node.query_value(query)? == 1.0).then_some(()));
    node.secret("node-stalled", "later");
    run.until("the end", |status| status["phase"] == "Complete");
}
