//! Nothing is scripted: workers are processes of `verbatim worker`, the store is a real S3 server, the recordings are the 568
//! Asterisk prompts; the test plays the kubelet.
//!
//! It is here, and not beside the worker's tests, because everything that it needs but one program is here: the control
//! plane, the operator, the conversation with both. That program is found beside the operator's, where cargo puts both:
//! `make test` has built it; who runs this test alone runs `make build` after a change to the worker.

pub mod bucket;
pub mod container;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use verbatim_testing::cluster::{Namespace, NodeOptions};

use crate::fleet::Fleet;
use crate::stage::{Stage, condition, defined};
use bucket::Bucket;
use container::Containers;

/// What the report says and what the operator saw from outside may differ by so much: it looks at moments, and neither the
/// time that workers took to start nor that of the last recordings is in its figures.
const LIKE: f64 = 2.5;

#[test]
fn two_real_workers_do_the_prompts_and_the_operator_scales_and_finishes_them() {
    let bucket = Bucket::with_prompts();
    let logs = tempfile::tempdir().unwrap();
    let containers = |namespace: &Namespace| Containers::new(namespace, logs.path()).script();
    let fleet = Arc::new(Fleet::new(0, 1));
    let mut stage = Stage::with_script(defined(), "real", fleet, NodeOptions::default(), containers);
    stage.namespace.apply(&bucket.secret("s3").to_string()).unwrap();
    stage.operator(&["--look-every", "0.2"]);
    let begun = Instant::now();
    stage.apply(
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
    // What it said of the speed, and the most workers that were ready.
    let (mut figures, mut most) = (Vec::new(), 0);
    let status = stage.until("prompts", "the end", |status| {
        most = most.max(status["workers"]["ready"].as_i64().unwrap_or_default());
        let text = |field: &str| status[field].as_str().map(str::to_owned);
        figures.extend(text("speedUp").zip(text("realTimeFactor")));
        status["phase"] == "Complete" || status["phase"] == "Failed"
    });
    let took = begun.elapsed().as_secs_f64();
    let said = container::said(logs.path());

    let total = bucket.prompts();
    assert_eq!(
        status["files"],
        json!({"total": total, "succeeded": total, "failed": 0, "skipped": 0, "remaining": 0}),
        "{status:#}\n{said}"
    );
    assert_eq!(condition(&status, "Complete"), "True AllFilesDone");
    assert_eq!(condition(&status, "StorageReady"), "True StorageAvailable");
    assert_eq!((&status["round"], most), (&json!(0), 2), "{said}");
    let events = stage.events("prompts").join("\n");
    for event in [
        "Started: 1 worker: one of them makes the plan",
        "Planned: 568 files",
        "ScaledUp: 1 -> 2 workers: without targetCompletionSeconds maxWorkers (2) run",
        "Complete: 568 files: 568 transcribed",
    ] {
        assert!(events.contains(event), "{event}:\n{events}");
    }
    // Its Job ends as well: both workers have left by themselves, with exit code 0.
    stage.namespace.kubectl(&["wait", "job/prompts-0", "--for=condition=Complete", "--timeout=60s"]).unwrap();

    let objects = bucket.objects("out");
    transcripts_equal(&bucket, &objects);
    let workers = in_the_report_once(&objects, total);
    assert_eq!(workers.len(), 2, "{workers:?}");
    assert!(workers.iter().all(|worker| worker.starts_with("prompts-0-")), "{workers:?}");
    speed_is_plausible(&objects, &status, &figures, took);
    assert!(!objects.keys().any(|key| key.contains("/claims/")), "claims are left");
    assert_eq!(stage.forbidden(), Vec::<String>::new());
}

/// Each transcript is that of `verbatim transcribe`, in every format.
fn transcripts_equal(bucket: &Bucket, objects: &BTreeMap<String, Vec<u8>>) {
    let reference = bucket.reference();
    assert_eq!(reference.len(), 4 * bucket.prompts());
    let ours: BTreeSet<&String> = objects.keys().filter(|key| !key.starts_with(".verbatim/")).collect();
    assert_eq!(ours, reference.keys().collect());
    for (key, expected) in &reference {
        assert_eq!(bucket::without_times(key, &objects[key]), *expected, "{key}");
    }
}

/// Each recording is once in the report, and succeeded. Gives the workers.
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

/// What the status said of the speed, against the report's sums.
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
    // The first worker starts alone, and the last shard is done by one: both are at work where it is fastest.
    let (speed_up, factor) = figures
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .unwrap_or_else(|| panic!("the status never said how fast it goes"));
    println!("{audio:.0} s of audio in {took:.1} s: {speed_up} times as fast as it plays, factor {factor}");
    // Two workers, each of which takes so long for a second of audio.
    assert!((1.5..=2.5).contains(&(speed_up * factor)), "{speed_up} x {factor}");
    // The whole job has starts and ends in it as well.
    let all = audio / took;
    assert!(speed_up >= all / LIKE && speed_up <= all * 2.0 * LIKE, "{speed_up}: {all} over all");
    // A recording's own clock runs while others are in flight beside it.
    assert!(factor <= processing / audio * LIKE, "{factor}: {processing} s for {audio} s");
}
