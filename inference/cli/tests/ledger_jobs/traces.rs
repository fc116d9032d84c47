//! Spans of workers, received by a real collector.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

use crate::bucket::Bucket;
use crate::machine::shared;
use crate::processes::Running;
use verbatim_testing::otelcol::{Collector, Span, broken};
use verbatim_testing::versitygw::VersityGw;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Log message when spans cannot be delivered.
const LOST: &str = "failed to export traces, continuing without them";

/// Starts `verbatim run` or `verbatim worker` with spans sent to `endpoint`.
fn start(bucket: &Bucket, command: &str, manifest: &Path, endpoint: &str, parent: Option<&str>) -> Running {
    let mut program = bucket.command(command, manifest);
    program.args(["--threads", "1", "--log-format", "json"]);
    program.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    if let Some(flags) = parent {
        program.env("TRACEPARENT", format!("00-{TRACE}-{PARENT}-{flags}"));
    }
    Running::start(&mut program)
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[test]
fn a_worker_sends_spans_of_every_step_of_a_file() {
    let _machine = shared();
    let collector = Collector::start().unwrap();
    let bucket = Bucket::new(5);
    bucket.put(vec![("in/broken.wav".to_owned(), b"RIFF and nothing else".to_vec())], None);
    let manifest = bucket.manifest("traced", &bucket.server.endpoint(), "");
    let (code, stderr) = start(&bucket, "worker", &manifest, &collector.endpoint(), Some("01")).end();
    assert_eq!(code, 0, "{stderr}");
    let spans = collector.spans().unwrap();

    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    for span in &spans {
        assert_eq!(span.service(), "verbatim-worker");
        assert!(span.begun <= span.ended, "{span:?}");
        let parent = span.parent.as_deref().unwrap();
        match by_id.get(parent) {
            Some(parent) => {
                assert!(parent.begun <= span.begun && span.ended <= parent.ended, "{parent:?}\n{span:?}");
            }
            None => assert!(
                parent == PARENT && ["start", "plan", "shard"].contains(&span.name.as_str()),
                "{span:?}"
            ),
        }
    }
    let (plan, start) = (named(&spans, "plan"), named(&spans, "start"));
    assert_eq!((plan.len(), start.len()), (1, 1), "{spans:#?}");
    assert_eq!(
        (plan[0].attribute("verbatim.plan.files"), plan[0].attribute("verbatim.plan.ours")),
        ("6", "true")
    );
    assert!(start[0].attribute("verbatim.model").starts_with("moonshine"), "{start:?}");
    let (shards, claims) = (named(&spans, "shard"), named(&spans, "claim"));
    assert!(!shards.is_empty() && shards.len() == claims.len());
    assert!(shards.iter().all(|shard| shard.attribute("verbatim.shard.ended") == "recorded"), "{shards:?}");

    let files = named(&spans, "transcribe file");
    assert_eq!(files.len(), 6);
    for file in files {
        assert!(shards.iter().any(|shard| file.parent.as_deref() == Some(shard.id.as_str())), "{file:?}");
        assert_eq!(file.attribute("aws.s3.bucket"), "calls");
        let parts = spans.iter().filter(|span| span.parent.as_deref() == Some(file.id.as_str()));
        let mut parts: Vec<&Span> = parts.collect();
        parts.sort_by_key(|part| part.begun);
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        if file.attribute("aws.s3.key") == "in/broken.wav" {
            assert_eq!((names, file.attribute("verbatim.outcome")), (vec!["fetch"], "failed"));
            assert!(!file.attribute("error.type").is_empty() && file.error.is_some(), "{file:?}");
            continue;
        }
        assert_eq!(names, ["fetch", "decode", "infer", "commit"], "{file:?}");
        assert_eq!((file.attribute("verbatim.outcome"), &file.error), ("succeeded", &None));
        let buckets = [parts[0].attribute("aws.s3.bucket"), parts[3].attribute("aws.s3.bucket")];
        assert_eq!(buckets, ["calls", "transcripts"]);
        // The model takes time, but no longer than the processing time in the transcript.
        let inferred = (parts[2].ended - parts[2].begun) as f64 / 1e9;
        let processed: f64 = file.attribute("verbatim.processing.seconds").parse().unwrap();
        assert!(inferred > 0.0 && inferred <= processed + 0.002, "{inferred} s of {processed} s");
    }
    let all = format!("{spans:?}");
    for secret in [VersityGw::ACCESS_KEY, VersityGw::SECRET_KEY, "X-Amz"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn a_run_without_a_parent_has_a_trace_of_its_own() {
    let _machine = shared();
    let collector = Collector::start().unwrap();
    let bucket = Bucket::new(3);
    let manifest = bucket.manifest("alone", &bucket.server.endpoint(), "");
    let (code, stderr) = start(&bucket, "run", &manifest, &collector.endpoint(), None).end();
    assert_eq!(code, 0, "{stderr}");
    let spans = collector.spans().unwrap();
    assert_eq!(broken(&spans), Vec::<String>::new(), "{spans:#?}");
    let runs = named(&spans, "run");
    assert_eq!((runs.len(), runs[0].attribute("verbatim.left")), (1, "complete"));
    assert_eq!(named(&spans, "commit").len(), 3);
}

#[test]
fn an_unsampled_trace_is_not_sent() {
    let _machine = shared();
    let collector = Collector::start().unwrap();
    let bucket = Bucket::new(2);
    let manifest = bucket.manifest("unsampled", &bucket.server.endpoint(), "");
    let (code, stderr) = start(&bucket, "worker", &manifest, &collector.endpoint(), Some("00")).end();
    assert_eq!(code, 0, "{stderr}");
    assert!(collector.spans().unwrap().is_empty());
}

#[test]
fn a_missing_collector_is_reported_once() {
    let _machine = shared();
    let bucket = Bucket::new(12);
    let reference = bucket.reference();
    // One endpoint refuses connections, the other accepts them and never answers.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent_at = format!("http://{}", silent.local_addr().unwrap());
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    for (name, endpoint, times) in [("absent", format!("http://{closed}"), 1), ("silent", silent_at, 0)] {
        let manifest = bucket.manifest(name, &bucket.server.endpoint(), "");
        let (code, stderr) = start(&bucket, "worker", &manifest, &endpoint, Some("01")).end();
        assert_eq!(code, 0, "{stderr}");
        bucket.check(name, &reference);
        // With the silent endpoint the worker ends before the timeout detects the loss.
        let lines = stderr.lines().filter(|line| line.contains(LOST)).count();
        assert!(lines >= times && lines <= 1, "{name}: {stderr}");
        let warned = |line: &&str| line.contains("verbatim_trace") && line.contains("WARN");
        assert_eq!(stderr.lines().filter(warned).count(), lines, "{name}: {stderr}");
    }
}
