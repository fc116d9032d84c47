use std::sync::Mutex;
use std::time::SystemTime;

use opentelemetry_sdk::error::OTelSdkError;

use super::*;
use crate::context::TraceContext;
use crate::span::Span;

/// An exporter that accepts spans, refuses them, or never answers.
#[derive(Clone, Debug)]
enum FakeExporter {
    Accepts(Arc<Mutex<Vec<SpanData>>>),
    Refuses,
    Hangs,
}

impl SpanExporter for FakeExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self {
            Self::Accepts(all) => {
                all.lock().unwrap().extend(batch);
                Ok(())
            }
            Self::Refuses => Err(OTelSdkError::InternalFailure("refused".to_owned())),
            Self::Hangs => std::future::pending().await,
        }
    }
}

fn traces(fake: FakeExporter) -> Traces {
    traces_with(fake, &TraceSettings::default())
}

fn traces_with(fake: FakeExporter, settings: &TraceSettings) -> Traces {
    let service = Service { name: "test", version: "1", instance: "one".to_owned(), attributes: Vec::new() };
    Traces::over(fake, settings, service, Handle::current())
}

fn export_spans(traces: &Traces, count: usize) {
    let root = TraceContext::of_job("uid").sampled(true);
    for _ in 0..count {
        let now = SystemTime::now();
        Span::child(&root, "file").end(traces, now, now);
    }
}

async fn shutdown(traces: &Traces) -> (u64, u64, u64) {
    let all = traces.clone();
    tokio::task::spawn_blocking(move || all.shutdown()).await.unwrap();
    let counts = &traces.0.as_ref().unwrap().counts;
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    (count(&counts.ended), count(&counts.dequeued), count(&counts.failed))
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_delivers_ended_spans() {
    let exported = Arc::default();
    let traces = traces(FakeExporter::Accepts(Arc::clone(&exported)));
    export_spans(&traces, 3);
    Span::root(TraceContext::of_job("not sampled"), "job").end(&traces, SystemTime::now(), SystemTime::now());
    assert_eq!(shutdown(&traces).await, (3, 3, 0));
    let exported = exported.lock().unwrap();
    assert_eq!(exported.len(), 3);
    assert_eq!(exported[0].name, "file");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_spans_are_counted_and_shutdown_ends() {
    let traces = traces(FakeExporter::Refuses);
    export_spans(&traces, 3);
    assert_eq!(shutdown(&traces).await, (3, 3, 3));
}

/// The exporter hangs in its first batch for ten minutes: a second batch shows that something waited for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_drops_spans_and_nothing_waits_for_the_exporter() {
    let settings = TraceSettings::read(|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://127.0.0.1:4317".to_owned()),
        "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("600000".to_owned()),
        _ => None,
    });
    let traces = traces_with(FakeExporter::Hangs, &settings);
    export_spans(&traces, 10_000);
    let (ended, dequeued, failed) = shutdown(&traces).await;
    assert_eq!((ended, failed), (10_000, 0));
    assert!(dequeued <= 512, "{dequeued}");
}

#[test]
fn without_an_endpoint_nothing_happens() {
    let service = Service { name: "test", version: "1", instance: String::new(), attributes: Vec::new() };
    let traces = Traces::start(&TraceSettings::default(), service);
    assert!(!traces.is_on());
    export_spans(&traces, 3);
    traces.shutdown();
}
