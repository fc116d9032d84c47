//! The way out: a bounded queue, batches, and a collector that may be there or not. Whoever ends a span never waits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor};
use tokio::runtime::Handle;

use crate::settings::Settings;

/// Time for the last spans when a process ends. A collector takes a batch in milliseconds; one that is busy may take a second.
/// Short beside what else has to be done then: a worker has 20 s for its farewell, the operator as many for its last requests.
const FAREWELL: Duration = Duration::from_secs(3);

/// Who the spans are from.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name, unless the environment gives another one.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Which one of several it is.
    pub instance: String,
    /// What else is known of it, by OpenTelemetry's names.
    pub attributes: Vec<(&'static str, String)>,
}

/// Where spans go. Clones are one; by default they go nowhere.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<Way>>);

struct Way {
    queue: BatchSpanProcessor,
    scope: InstrumentationScope,
    tally: Arc<Tally>,
}

/// What became of spans.
#[derive(Debug, Default)]
struct Tally {
    /// They ended.
    ended: AtomicU64,
    /// They left the queue.
    taken: AtomicU64,
    /// No collector took them.
    lost: AtomicU64,
    /// It was said that none does.
    said: AtomicBool,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tally.fmt(f)
    }
}

impl Traces {
    /// Begins, where the settings say so. Within a runtime, which spans are sent from. What is wrong with the settings is
    /// said, once, and there are no traces then: no job fails for its trace.
    pub fn start(settings: &Settings, service: Service) -> Self {
        for problem in settings.problems() {
            tracing::warn!("traces: {problem}");
        }
        let Ok(runtime) = Handle::try_current() else { return Self::default() };
        if !settings.is_on() {
            return Self::default();
        }
        // It reads the rest of the environment by itself: endpoint, headers, compression.
        let exporter = match opentelemetry_otlp::SpanExporter::builder().with_tonic().build() {
            Ok(exporter) => exporter,
            Err(error) => {
                tracing::warn!("there are no traces: {error}");
                return Self::default();
            }
        };
        Self::over(exporter, settings, service, runtime)
    }

    fn over<E: SpanExporter + 'static>(
        exporter: E,
        settings: &Settings,
        service: Service,
        runtime: Handle,
    ) -> Self {
        let tally = Arc::<Tally>::default();
        let scope = InstrumentationScope::builder("verbatim").with_version(service.version).build();
        let mut exporter = exporter;
        exporter.set_resource(&resource(service));
        let sender = Sender {
            exporter: Arc::new(exporter),
            tally: Arc::clone(&tally),
            endpoint: settings.shown(),
            timeout: settings.timeout(),
            runtime,
        };
        // Its bounds are OpenTelemetry's defaults (2,048 spans wait, 512 go at a time, every 5 s), and OTEL_BSP_* as everywhere:
        // 2,048 spans are those of 400 recordings, more than two cores do in 5 s of the shortest ones.
        let queue = BatchSpanProcessor::builder(sender).build();
        tracing::info!(endpoint = settings.shown(), "traces are on");
        Self(Some(Arc::new(Way { queue, scope, tally })))
    }

    /// Whether spans go anywhere.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn send(&self, span: impl FnOnce(&InstrumentationScope) -> SpanData) {
        if let Some(way) = &self.0 {
            way.tally.ended.fetch_add(1, Ordering::Relaxed);
            way.queue.on_end(span(&way.scope));
        }
    }

    /// Sends what is left, and takes no more. Blocks for as long as [`FAREWELL`] at most.
    pub fn end(&self) {
        let Some(way) = &self.0 else { return };
        let late = way.queue.shutdown_with_timeout(FAREWELL).is_err();
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (ended, taken, lost) = (count(&way.tally.ended), count(&way.tally.taken), count(&way.tally.lost));
        let dropped = ended.saturating_sub(taken);
        // That nobody takes them was said.
        if dropped > 0 && !way.tally.said.load(Ordering::Relaxed) {
            tracing::warn!(
                spans = ended,
                dropped,
                lost,
                late,
                "spans were dropped: they came faster than they went"
            );
        }
        tracing::debug!(spans = ended, dropped, lost, late, "traces are over");
    }
}

/// Who the spans are from, in OpenTelemetry's names. What the environment says comes first.
fn resource(service: Service) -> Resource {
    let theirs = Resource::builder().build();
    let mut ours = vec![
        KeyValue::new("service.version", service.version),
        KeyValue::new("service.instance.id", service.instance),
    ];
    // Without a name from the environment the SDK makes one up.
    let named =
        theirs.get(&"service.name".into()).is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    if !named {
        ours.push(KeyValue::new("service.name", service.name));
    }
    ours.extend(service.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)));
    ours.retain(|ours| ours.key.as_str() == "service.name" || theirs.get(&ours.key).is_none());
    Resource::builder().with_attributes(ours).build()
}

/// Sends batches. That nobody takes them is said once, and not to the queue, which would say it of every batch.
struct Sender<E> {
    exporter: Arc<E>,
    tally: Arc<Tally>,
    endpoint: String,
    timeout: Duration,
    runtime: Handle,
}

impl<E> fmt::Debug for Sender<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender to {}", self.endpoint)
    }
}

impl<E: SpanExporter + 'static> SpanExporter for Sender<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        self.tally.taken.fetch_add(spans, Ordering::Relaxed);
        let (exporter, timeout) = (Arc::clone(&self.exporter), self.timeout);
        // Not on the queue's own thread, which has no clock: a host that swallows packets would hold it for minutes.
        let sent =
            self.runtime.spawn(async move { tokio::time::timeout(timeout, exporter.export(batch)).await });
        let why = match sent.await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => format!("no answer within {timeout:?}"),
            Err(died) => died.to_string(),
        };
        self.tally.lost.fetch_add(spans, Ordering::Relaxed);
        if !self.tally.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                endpoint = self.endpoint,
                "traces cannot be delivered, and work goes on without them: {why}"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::SystemTime;

    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;
    use crate::context::Context;
    use crate::span::Span;

    /// Takes spans, or refuses them, or never answers.
    #[derive(Clone, Debug)]
    enum Fake {
        Takes(Arc<Mutex<Vec<SpanData>>>),
        Refuses,
        Hangs,
    }

    impl SpanExporter for Fake {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            match self {
                Self::Takes(all) => {
                    all.lock().unwrap().extend(batch);
                    Ok(())
                }
                Self::Refuses => Err(OTelSdkError::InternalFailure("refused".to_owned())),
                Self::Hangs => std::future::pending().await,
            }
        }
    }

    fn traces(fake: Fake) -> Traces {
        let service =
            Service { name: "test", version: "1", instance: "one".to_owned(), attributes: Vec::new() };
        Traces::over(fake, &Settings::default(), service, Handle::current())
    }

    fn spans(traces: &Traces, count: usize) {
        let root = Context::of_job("uid").sampled(true);
        for _ in 0..count {
            let now = SystemTime::now();
            Span::child(&root, "file").end(traces, now, now);
        }
    }

    async fn end(traces: &Traces) -> (u64, u64, u64) {
        let all = traces.clone();
        tokio::task::spawn_blocking(move || all.end()).await.unwrap();
        let tally = &traces.0.as_ref().unwrap().tally;
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (count(&tally.ended), count(&tally.taken), count(&tally.lost))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_ended_is_delivered_at_the_end() {
        let taken = Arc::default();
        let traces = traces(Fake::Takes(Arc::clone(&taken)));
        spans(&traces, 3);
        Span::root(Context::of_job("not sampled"), "job").end(&traces, SystemTime::now(), SystemTime::now());
        assert_eq!(end(&traces).await, (3, 3, 0));
        let taken = taken.lock().unwrap();
        assert_eq!(taken.len(), 3);
        assert_eq!(taken[0].name, "file");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_nobody_takes_is_counted_and_the_end_comes() {
        let traces = traces(Fake::Refuses);
        spans(&traces, 3);
        assert_eq!(end(&traces).await, (3, 3, 3));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_drops_and_nobody_waits() {
        let begun = std::time::Instant::now();
        let traces = traces(Fake::Hangs);
        spans(&traces, 10_000);
        assert!(begun.elapsed() < FAREWELL, "{:?}", begun.elapsed());
        let (ended, taken, _) = end(&traces).await;
        assert_eq!(ended, 10_000);
        assert!(taken <= 2_048 + 512, "{taken}");
        // The batch under way is given up after 10 s; the end does not wait so long.
        assert!(begun.elapsed() < FAREWELL * 2, "{:?}", begun.elapsed());
    }

    #[test]
    fn without_an_endpoint_nothing_is_done() {
        let service = Service { name: "test", version: "1", instance: String::new(), attributes: Vec::new() };
        let traces = Traces::start(&Settings::default(), service);
        assert!(!traces.is_on());
        spans(&traces, 3);
        traces.end();
    }
}
