//! Real workers: processes of `verbatim worker`, a real S3 server, and the 568 Asterisk prompts; the test
//! acts as the kubelet.
//!
//! The test is here and not in the worker's crate, because control plane and operator are here. It finds the
//! worker's program beside the operator's, where cargo puts both. `make test` builds it; to run this test
//! alone after a change to the worker, run `make build` first.

pub mod bucket;
pub mod container;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use verbatim_testing::cluster::{Namespace, NodeOptions};

use crate::fixture::{Fixture, condition, defined};
use crate::fleet::Fleet;
use bucket::Bucket;
use container::Containers;

/// Largest ratio between the report's speed and the operator's: the operator samples, and its figures contain
/// neither the start of workers nor the last recordings.
const TOLERANCE: f64 = 2.5;

#[test]
fn two_real_workers_transcribe_the_prompts() {
    let bucket = Bucket::with_prompts();
    let logs = tempfile::tempdir().unwrap();
    let containers = |namespace: &Namespace| Containers::new(namespace, logs.path()).script();
    let fleet = Arc::new(Fleet::new(0, 1));
    let mut fixture = Fixture::with_script(defined(), "real", fleet, NodeOptions::default(), containers);
    fixture.namespace.apply(&bucket.secret("s3").to_string()).unwrap();
    fixture.operator(&["--look-every", "0.2"]);
    let started = Instant::now();
    fixture.apply(
        "prompts",
        json!({
            "source": {"s3": {"bucket": "calls", "prefix": "in/"}},
            "destination": {"s3": {"bucket": "transcripts", "prefix": "out/"}, "formats": ["JSON", "SRT", "VTT", "TXT"]},
            "storage": {
                "endpoint": bucket.server.endpoint(), "region": "us-east-1", "forcePathStyle": true,
                "credentialsSecretRef": {"name": "s3"},
            },
            "scaling": {"minWorkers": 1, "maxWorkers": 2},
        }),
    );
    // Speed figures of the status, and the largest number of ready workers.
    let (mut figures, mut most) = (Vec::new(), 0);
    let status = fixture.until("prompts", "the end", |status| {
        most = most.max(status["workers"]["ready"].as_i64().unwrap_or_default());
        let text = |field: &str| status[field].as_str().map(str::to_owned);
        figures.extend(text("speedUp").zip(text("realTimeFactor")));
        status["phase"] == "Complete" || status["phase"] == "Failed"
    });
    let took = started.elapsed().as_secs_f64();
    let logs_text = container::logs(logs.path());

    let total = bucket.prompts();
    assert_eq!(
        status["files"],
        json!({"total": total, "succeeded": total, "failed": 0, "skipped": 0, "remaining": 0}),
        "{status:#}\n{logs_text}"
    );
    assert_eq!(condition(&status, "Complete"), "True AllFilesDone");
    assert_eq!(condition(&status, "StorageReady"), "True StorageAvailable");
    assert_eq!((&status["round"], most), (&json!(0), 2), "{logs_text}");
    let events = fixture.events("prompts").join("\n");
    for event in [
        "Started: 1 worker: one of them makes the plan",
        "Planned: 568 files",
        "ScaledUp: 1 -> 2 workers: without targetCompletionSeconds maxWorkers (2) run",
        "Complete: 568 files: 568 transcribed",
    ] {
        assert!(events.contains(event), "{event}:\n{events}");
    }
    // The Job ends too: both workers exit by themselves with code 0.
    fixture
        .namespace
        .kubectl(&["wait", "job/prompts-0", "--for=condition=Complete", "--timeout=60s"])
        .unwrap();

    let objects = bucket.objects("out");
    transcripts_equal(&bucket, &objects);
    let workers = in_the_report_once(&objects, total);
    assert_eq!(workers.len(), 2, "{workers:?}");
    assert!(workers.iter().all(|worker| worker.starts_with("prompts-0-")), "{workers:?}");
    speed_is_plausible(&objects, &status, &figures, took);
    assert!(!objects.keys().any(|key| key.contains("/claims/")), "claims are left");
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
}

/// Each transcript equals that of `verbatim transcribe`, in every format.
fn transcripts_equal(bucket: &Bucket, objects: &BTreeMap<String, Vec<u8>>) {
    let reference = bucket.reference();
    assert_eq!(reference.len(), 4 * bucket.prompts());
    let ours: BTreeSet<&String> = objects.keys().filter(|key| !key.starts_with(".verbatim/")).collect();
    assert_eq!(ours, reference.keys().collect());
    for (key, expected) in &reference {
        assert_eq!(bucket::without_times(key, &objects[key]), *expected, "{key}");
    }
}

/// Each recording is in the report once and succeeded. Returns the workers.
fn in_the_report_once(objects: &BTreeMap<String, Vec<u8>>, total: usize) -> BTreeSet<String> {
    let lines: Vec<Value> = bucket::of_report(objects, "report.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    let keys: BTreeSet<String> = lines.iter().map(|line| text(line, "key")).collect();
    assert_eq!((lines.len(), keys.len()), (total, total));
    assert!(lines.iter().all(|line| line["result"] == "succeeded"));
    lines.iter().map(|line| text(line, "worker")).collect()
}

/// Compares the status's speed figures with the report's sums.
fn speed_is_plausible(
    objects: &BTreeMap<String, Vec<u8>>,
    status: &Value,
    figures: &[(String, String)],
    took: f64,
) {
    let report: Value = serde_json::from_str(&bucket::of_report(objects, "report.json")).unwrap();
    let seconds = |field: &str| report[field].as_f64().unwrap() / 1e3;
    let (audio, processing) = (seconds("audioMilliseconds"), seconds("processingMilliseconds"));
    let done = status["audioSeconds"]["done"].as_f64().unwrap();
    assert!((done - audio).abs() <= 1.0 && status["audioSeconds"]["remaining"] == 0, "{audio} s: {status:#}");
    let number = |text: &str| text.trim_end_matches('x').parse::<f64>().unwrap();
    let figures = figures.iter().map(|(speed_up, factor)| (number(speed_up), number(factor)));
    // The first worker starts alone, and one worker does the last shard: both work at the highest speed.
    let (speed_up, factor) = figures
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .unwrap_or_else(|| panic!("the status never had speed figures"));
    println!("{audio:.0} s of audio in {took:.1} s: {speed_up}x real time, real-time factor {factor}");
    // Two workers, each with this real-time factor.
    assert!((1.5..=2.5).contains(&(speed_up * factor)), "{speed_up} x {factor}");
    // The whole job includes starts and ends.
    let all = audio / took;
    assert!(speed_up >= all / TOLERANCE && speed_up <= all * 2.0 * TOLERANCE, "{speed_up}: {all} over all");
    // A recording's time includes other recordings in flight beside it.
    assert!(factor <= processing / audio * TOLERANCE, "{factor}: {processing} s for {audio} s");
}
