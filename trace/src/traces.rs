//! Export of spans: a bounded queue and batches, with or without a reachable collector. Ending a span never
//! blocks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor};
use tokio::runtime::Handle;

use crate::settings::TraceSettings;

/// Time for the last spans when a process ends. A collector takes a batch in milliseconds, a busy one in a
/// second. Short compared with the rest of a shutdown: a worker has 20 s for its termination message, the
/// operator as long for its last requests.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Source of the spans.
#[derive(Clone, Debug)]
pub struct Service {
    /// Name, unless the environment has another one.
    pub name: &'static str,
    /// Version.
    pub version: &'static str,
    /// Name of the instance.
    pub instance: String,
    /// Other attributes, by OpenTelemetry's names.
    pub attributes: Vec<(&'static str, String)>,
}

/// Exporter of spans. Clones share it; the default drops all spans.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<Pipeline>>);

struct Pipeline {
    queue: BatchSpanProcessor,
    scope: InstrumentationScope,
    counts: Arc<SpanCounts>,
}

/// Span counts.
#[derive(Debug, Default)]
struct SpanCounts {
    /// Ended spans.
    ended: AtomicU64,
    /// Spans that left the queue for the exporter.
    dequeued: AtomicU64,
    /// Spans that no collector accepted.
    failed: AtomicU64,
    /// Whether a failed export was reported.
    reported: AtomicBool,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.fmt(f)
    }
}

impl Traces {
    /// Starts the export if the settings ask for it. Needs a runtime, on which the spans are sent. Invalid
    /// settings are logged once and turn traces off: no job fails because of its trace.
    pub fn start(settings: &TraceSettings, service: Service) -> Self {
        for problem in settings.problems() {
            tracing::warn!("traces: {problem}");
        }
        let Ok(runtime) = Handle::try_current() else { return Self::default() };
        if !settings.is_on() {
            return Self::default();
        }
        // The builder reads the rest of the environment itself: endpoint, headers, compression.
        let exporter = match opentelemetry_otlp::SpanExporter::builder().with_tonic().build() {
            Ok(exporter) => exporter,
            Err(error) => {
                tracing::warn!("failed to start traces: {error}");
                return Self::default();
            }
        };
        Self::over(exporter, settings, service, runtime)
    }

    fn over<E: SpanExporter + 'static>(
        exporter: E,
        settings: &TraceSettings,
        service: Service,
        runtime: Handle,
    ) -> Self {
        let counts = Arc::<SpanCounts>::default();
        let scope = InstrumentationScope::builder("verbatim").with_version(service.version).build();
        let mut exporter = exporter;
        exporter.set_resource(&resource(service));
        let sender = ReportingExporter {
            exporter: Arc::new(exporter),
            counts: Arc::clone(&counts),
            endpoint: settings.display_endpoint(),
            timeout: settings.timeout(),
            runtime,
        };
        // The limits are OpenTelemetry's defaults (a queue of 2,048 spans, batches of 512, every 5 s) or
        // OTEL_BSP_*: 2,048 spans belong to 400 recordings, more than two cores process in 5 s even if they
        // are very short.
        let queue = BatchSpanProcessor::builder(sender).build();
        tracing::info!(endpoint = settings.display_endpoint(), "traces are on");
        Self(Some(Arc::new(Pipeline { queue, scope, counts })))
    }

    /// Whether spans are exported.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn send(&self, span: impl FnOnce(&InstrumentationScope) -> SpanData) {
        if let Some(pipeline) = &self.0 {
            pipeline.counts.ended.fetch_add(1, Ordering::Relaxed);
            pipeline.queue.on_end(span(&pipeline.scope));
        }
    }

    /// Sends the remaining spans and stops. Blocks for at most [`SHUTDOWN_TIMEOUT`].
    pub fn shutdown(&self) {
        let Some(pipeline) = &self.0 else { return };
        let late = pipeline.queue.shutdown_with_timeout(SHUTDOWN_TIMEOUT).is_err();
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (ended, dequeued, failed) =
            (count(&pipeline.counts.ended), count(&pipeline.counts.dequeued), count(&pipeline.counts.failed));
        let dropped = ended.saturating_sub(dequeued);
        // A failed export was reported already.
        if dropped > 0 && !pipeline.counts.reported.load(Ordering::Relaxed) {
            tracing::warn!(
                spans = ended,
                dropped,
                lost = failed,
                late,
                "spans were dropped: they ended faster than they were exported"
            );
        }
        tracing::debug!(spans = ended, dropped, lost = failed, late, "traces stopped");
    }
}

/// Source of the spans, in OpenTelemetry's attributes. The environment takes precedence.
fn resource(service: Service) -> Resource {
    let theirs = Resource::builder().build();
    let mut ours = vec![
        KeyValue::new("service.version", service.version),
        KeyValue::new("service.instance.id", service.instance),
    ];
    // Without a name from the environment the SDK invents one.
    let named =
        theirs.get(&"service.name".into()).is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    if !named {
        ours.push(KeyValue::new("service.name", service.name));
    }
    ours.extend(service.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)));
    ours.retain(|ours| ours.key.as_str() == "service.name" || theirs.get(&ours.key).is_none());
    Resource::builder().with_attributes(ours).build()
}

/// Exports batches, and reports a failure once instead of returning it: the queue would log it for every
/// batch.
struct ReportingExporter<E> {
    exporter: Arc<E>,
    counts: Arc<SpanCounts>,
    endpoint: String,
    timeout: Duration,
    runtime: Handle,
}

impl<E> fmt::Debug for ReportingExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReportingExporter to {}", self.endpoint)
    }
}

impl<E: SpanExporter + 'static> SpanExporter for ReportingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        self.counts.dequeued.fetch_add(spans, Ordering::Relaxed);
        let (exporter, timeout) = (Arc::clone(&self.exporter), self.timeout);
        // Not on the queue's own thread, which has no timer: a host that drops packets would block it for
        // minutes.
        let sent =
            self.runtime.spawn(async move { tokio::time::timeout(timeout, exporter.export(batch)).await });
        let why = match sent.await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => format!("no answer within {timeout:?}"),
            Err(died) => died.to_string(),
        };
        self.counts.failed.fetch_add(spans, Ordering::Relaxed);
        if !self.counts.reported.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                endpoint = self.endpoint,
                "failed to export traces, continuing without them: {why}"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
