//! One trace per job: spans of the operator and of real workers, at a real collector.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use verbatim_testing::cluster::{Namespace, NodeOptions};
use verbatim_testing::otelcol::{Collector, Span, broken};

use crate::fixture::{Fixture, defined};
use crate::fleet::Fleet;
use crate::real_workers::bucket::Bucket;
use crate::real_workers::container::{self, Containers};

/// Folders of prompts, one job each.
const FOLDERS: [&str; 2] = ["letters", "phonetic"];

/// Interval of exports in milliseconds, so that a killed operator has sent most of its spans.
const EXPORT_INTERVAL: &str = "100";

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// Names of the spans' services.
fn services(spans: &[Span]) -> BTreeSet<&str> {
    spans.iter().map(Span::service).collect()
}

/// Whether an object is a transcript without segments.
fn silent(key: &str, bytes: &[u8]) -> bool {
    let transcript = key.ends_with(".json") && !key.starts_with(".verbatim/");
    transcript && serde_json::from_slice::<Value>(bytes).unwrap()["segments"].as_array().unwrap().is_empty()
}

#[test]
fn each_job_is_one_connected_trace_of_operator_and_workers() {
    let collector = Collector::start().unwrap();
    let wanted = |name: &str| FOLDERS.iter().any(|folder| name.starts_with(&format!("{folder}/")));
    let bucket = Bucket::with_some(wanted);
    let logs = tempfile::tempdir().unwrap();
    let containers = |namespace: &Namespace| Containers::new(namespace, logs.path()).script();
    let fleet = Arc::new(Fleet::new(0, 1));
    let mut fixture = Fixture::with_script(defined(), "traced", fleet, NodeOptions::default(), containers);
    fixture.namespace.apply(&bucket.secret("s3").to_string()).unwrap();
    fixture.environment = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", EXPORT_INTERVAL.to_owned()),
    ];
    let alone = ["--look-every", "0.2", "--no-leader-election"];
    fixture.operator(&alone);
    for folder in FOLDERS {
        fixture.apply(
            folder,
            json!({
                "source": {"s3": {"bucket": "calls", "prefix": format!("in/{folder}/")}},
                "destination": {"s3": {"bucket": "transcripts", "prefix": format!("{folder}/")}, "formats": ["JSON", "TXT"]},
                "storage": {
                    "endpoint": bucket.server.endpoint(), "region": "us-east-1", "forcePathStyle": true,
                    "credentialsSecretRef": {"name": "s3"},
                },
                "scaling": {"minWorkers": 2, "maxWorkers": 2},
            }),
        );
    }
    // Another operator continues the same traces.
    for folder in FOLDERS {
        fixture.until(folder, "its start", |status| status["startTime"].is_string());
    }
    fixture.kill_operator();
    fixture.operator(&alone);
    for folder in FOLDERS {
        fixture
            .until(folder, "the end", |status| status["phase"] == "Complete" || status["phase"] == "Failed");
        // Workers send their last spans when they exit.
        let job = format!("job/{folder}-0");
        fixture.namespace.kubectl(&["wait", &job, "--for=condition=Complete", "--timeout=60s"]).unwrap();
    }
    let roots = |spans: &[Span]| named(spans, "job").len() == FOLDERS.len();
    assert!(collector.until(roots).unwrap().is_some(), "{:#?}\n{}", collector.spans(), fixture.log());

    let traces = collector.traces().unwrap();
    assert_eq!(traces.len(), FOLDERS.len(), "{:?}", traces.keys());
    let logs = container::logs(logs.path());
    for spans in traces.values() {
        assert_eq!(broken(spans), Vec::<String>::new(), "{spans:#?}\n{logs}");
        assert_eq!(services(spans), BTreeSet::from(["verbatim-operator", "verbatim-worker"]));
        let root = named(spans, "job")[0];
        assert!(root.parent.is_none() && root.service() == "verbatim-operator", "{root:?}");
        let name = root.attribute("verbatim.job.name");
        assert_eq!(root.attribute("verbatim.job.phase"), "Complete", "{root:?}");
        assert_eq!(root.attribute("k8s.namespace.name"), fixture.namespace.name());

        // Every recording passed each step once, and the job has the same total.
        let total: usize = root.attribute("verbatim.files.total").parse().unwrap();
        assert!(total > 20, "{root:?}");
        for step in ["transcribe file", "fetch", "decode", "commit"] {
            assert_eq!(named(spans, step).len(), total, "{step} of {name}");
        }
        // Recordings without speech do not reach the model.
        let silent = bucket.objects(name).iter().filter(|(key, bytes)| silent(key, bytes)).count();
        assert_eq!(named(spans, "infer").len(), total - silent, "infer of {name}");
        assert_eq!(named(spans, "shard").len(), named(spans, "claim").len());
        let plans = named(spans, "plan");
        assert_eq!(plans.iter().filter(|plan| plan.attribute("verbatim.plan.ours") == "true").count(), 1);
        let pods: BTreeSet<&str> =
            plans.iter().filter_map(|plan| plan.resource.get("k8s.pod.name").map(String::as_str)).collect();
        assert!(pods.len() == 2 && pods.iter().all(|pod| pod.starts_with(name)), "{pods:?}");

        // Only reconciles with events have spans: at most one per event.
        let reconciles = named(spans, "reconcile");
        let events: Vec<&str> =
            reconciles.iter().flat_map(|span| span.events.iter().map(String::as_str)).collect();
        assert!(events.contains(&"Complete"), "{events:?}");
        assert!(reconciles.len() <= fixture.events(name).len(), "{events:?}");
    }
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
}
