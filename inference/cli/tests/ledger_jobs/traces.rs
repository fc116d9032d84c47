//! Spans of workers, at a real collector.
#![allow(clippy::unwrap_used, reason = "a test may fail so, helpers of it included")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

use crate::bucket::Bucket;
use crate::processes::Running;
use verbatim_testing::otelcol::{Collector, Span, broken};
use verbatim_testing::versitygw::VersityGw;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// What is said where nobody takes the spans.
const LOST: &str = "failed to export traces, continuing without them";

/// Starts a worker or a run that sends its spans to `endpoint`.
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
fn a_worker_sends_each_files_whole_way() {
    let collector = Collector::start().unwrap();
    let bucket = Bucket::new(5);
    bucket.put(vec![("in/broken.wav".to_owned(), b"RIFF and nothing else".to_vec())], None);
    let manifest = bucket.manifest("traced", &bucket.server.endpoint(), "");
    let (code, said) = start(&bucket, "worker", &manifest, &collector.endpoint(), Some("01")).end();
    assert_eq!(code, 0, "{said}");
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
        // The model takes time; what it took is within what the transcript says.
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
fn a_run_without_a_parent_is_a_trace_of_its_own() {
    let collector = Collector::start().unwrap();
    let bucket = Bucket::new(3);
    let manifest = bucket.manifest("alone", &bucket.server.endpoint(), "");
    let (code, said) = start(&bucket, "run", &manifest, &collector.endpoint(), None).end();
    assert_eq!(code, 0, "{said}");
    let spans = collector.spans().unwrap();
    assert_eq!(broken(&spans), Vec::<String>::new(), "{spans:#?}");
    let runs = named(&spans, "run");
    assert_eq!((runs.len(), runs[0].attribute("verbatim.left")), (1, "complete"));
    assert_eq!(named(&spans, "commit").len(), 3);
}

#[test]
fn a_trace_that_is_not_sampled_is_not_sent() {
    let collector = Collector::start().unwrap();
    let bucket = Bucket::new(2);
    let manifest = bucket.manifest("unsampled", &bucket.server.endpoint(), "");
    let (code, said) = start(&bucket, "worker", &manifest, &collector.endpoint(), Some("00")).end();
    assert_eq!(code, 0, "{said}");
    assert!(collector.spans().unwrap().is_empty());
}

#[test]
fn a_collector_that_is_not_there_is_told_of_once() {
    let bucket = Bucket::new(12);
    let reference = bucket.reference();
    // One refuses, and one takes connections and never says a word.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent_at = format!("http://{}", silent.local_addr().unwrap());
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    for (name, endpoint, times) in [("absent", format!("http://{closed}"), 1), ("silent", silent_at, 0)] {
        let manifest = bucket.manifest(name, &bucket.server.endpoint(), "");
        let (code, said) = start(&bucket, "worker", &manifest, &endpoint, Some("01")).end();
        assert_eq!(code, 0, "{said}");
        bucket.check(name, &reference);
        // The silent one is given up when the worker ends, before it is found out.
        let lines = said.lines().filter(|line| line.contains(LOST)).count();
        assert!(lines >= times && lines <= 1, "{name}: {said}");
        let warned = |line: &&str| line.contains("verbatim_trace") && line.contains("WARN");
        assert_eq!(said.lines().filter(warned).count(), lines, "{name}: {said}");
    }
}
