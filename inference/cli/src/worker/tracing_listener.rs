//! Spans of a worker, made from its events. A listener that forwards each event to another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::Layout;
use verbatim_ledger::outcome::Outcome;
use verbatim_ledger::plan::file::PlannedFile;
use verbatim_ledger::worker::steps::{Step, Steps, Took};
use verbatim_ledger::worker::watch::{Became, Event, Watch};
use verbatim_ledger::worker::{Ended, WorkerError};
use verbatim_trace::{Context, Span, Traces};

/// Listener that makes spans.
#[derive(Debug)]
pub struct TracingListener {
    inner: Arc<dyn Watch>,
    traces: Traces,
    /// Parent of the worker's spans.
    parent: Context,
    source: Option<String>,
    destination: Option<String>,
    shards: Mutex<HashMap<u32, OpenShard>>,
}

/// Span of a shard in progress.
#[derive(Debug)]
struct OpenShard {
    span: Span,
    begun: SystemTime,
}

impl TracingListener {
    /// Sends the spans of a job to `traces`, below `parent`. Events go on to `inner`.
    pub fn new(inner: Arc<dyn Watch>, traces: Traces, parent: Context, spec: &TranscriptionJobSpec) -> Self {
        let source = spec.source.s3.as_ref().map(|s3| s3.bucket.clone());
        let destination = match spec.destination.layout {
            Layout::Adjacent => source.clone(),
            _ => spec.destination.s3.as_ref().map(|s3| s3.bucket.clone()),
        };
        Self { inner, traces, parent, source, destination, shards: Mutex::default() }
    }

    fn shards(&self) -> MutexGuard<'_, HashMap<u32, OpenShard>> {
        // Each change is one insertion or removal: the map is valid even if a thread has panicked.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trace(&self, event: &Event<'_>) {
        let now = SystemTime::now();
        match event {
            Event::Planned { plan, ours, took } => Span::child(&self.parent, "plan")
                .with("verbatim.plan.ours", *ours)
                .with("verbatim.plan.files", number(plan.files))
                .with("verbatim.plan.bytes", number(plan.bytes))
                .with("verbatim.plan.shards", number(plan.shards.len() as u64))
                .end(&self.traces, before(now, *took), now),
            Event::Unplanned { error, took } => with_error(Span::child(&self.parent, "plan"), error).end(
                &self.traces,
                before(now, *took),
                now,
            ),
            Event::Claimed { shard, epoch, files, took } => {
                let begun = before(now, *took);
                let span = Span::child(&self.parent, "shard")
                    .with("verbatim.shard", i64::from(*shard))
                    .with("verbatim.shard.epoch", i64::from(*epoch))
                    .with("verbatim.shard.files", number(*files as u64));
                Span::child(&span.context(), "claim").with("verbatim.shard", i64::from(*shard)).end(
                    &self.traces,
                    begun,
                    now,
                );
                self.shards().insert(*shard, OpenShard { span, begun });
            }
            Event::Tried { shard, file, steps, became } => {
                let parent = self.shards().get(shard).map(|open| open.span.context());
                self.trace_file(&parent.unwrap_or(self.parent), file, steps, became);
            }
            Event::Ended { shard, ended } => {
                let ended = match ended {
                    Ended::Recorded => "recorded",
                    Ended::Released => "released",
                    Ended::Lost => "lost",
                };
                if let Some(OpenShard { span, begun }) = self.shards().remove(shard) {
                    span.with("verbatim.shard.ended", ended).end(&self.traces, begun, now);
                }
            }
            Event::Broken { shard, error } => {
                if let Some(OpenShard { span, begun }) = self.shards().remove(shard) {
                    with_error(span, error).end(&self.traces, begun, now);
                }
            }
            _ => {}
        }
    }

    fn trace_file(&self, parent: &Context, file: &PlannedFile, steps: &Steps, became: &Became<'_>) {
        let (begun, took) = (steps.begun(), steps.elapsed());
        let span = Span::child(parent, "transcribe file")
            .with_some("aws.s3.bucket", self.source.clone())
            .with(if self.source.is_some() { "aws.s3.key" } else { "file.path" }, file.key.clone())
            .with("file.size", number(file.size));
        for Took { step, time, failed } in steps.took() {
            let (name, bucket) = match step {
                Step::Fetch => ("fetch", &self.source),
                Step::Decode => ("decode", &None),
                Step::Infer => ("infer", &None),
                Step::Commit => ("commit", &self.destination),
            };
            let child = Span::child(&span.context(), name).with_some("aws.s3.bucket", bucket.clone());
            let child = if *failed { failed_step(child, became) } else { child };
            child.end(&self.traces, begun + time.start, begun + time.end);
        }
        let span = match became {
            Became::Done(outcome) => with_outcome(span, outcome),
            Became::GivenBack => span.with("verbatim.outcome", "given back"),
            Became::Broken(error) => with_error(span, error),
        };
        span.end(&self.traces, begun, begun + took);
    }
}

impl Watch for TracingListener {
    fn hear(&self, event: &Event<'_>) {
        self.trace(event);
        self.inner.hear(event);
    }
}

/// Span of a file with an outcome.
fn with_outcome(span: Span, outcome: &Outcome) -> Span {
    let seconds = |milliseconds: u64| milliseconds as f64 / 1e3;
    let span = span
        .with("verbatim.outcome", outcome.result.as_str())
        .with("verbatim.audio.seconds", seconds(outcome.audio_milliseconds))
        .with("verbatim.processing.seconds", seconds(outcome.processing_milliseconds));
    match outcome.reason {
        Some(reason) => span.failed(reason.as_str(), outcome.message.as_deref().unwrap_or_default()),
        None => span.with_some("verbatim.message", outcome.message.clone()),
    }
}

/// Span of the step in which a file failed.
fn failed_step(span: Span, became: &Became<'_>) -> Span {
    match became {
        Became::Done(Outcome { reason: Some(reason), message, .. }) => {
            span.failed(reason.as_str(), message.as_deref().unwrap_or_default())
        }
        Became::Broken(error) => with_error(span, error),
        Became::Done(_) | Became::GivenBack => span,
    }
}

/// Span that ends with an error of the worker.
fn with_error(span: Span, error: &WorkerError) -> Span {
    let kind = match error {
        WorkerError::Store(error) => error.kind.as_str(),
        WorkerError::Plan(_) => "plan",
        WorkerError::Ledger { .. } => "ledger",
        WorkerError::Engine(_) => "engine",
        WorkerError::Spool(_) => "spool",
        WorkerError::Died(_) => "died",
    };
    span.failed(kind, &verbatim_text::error_chain(error))
}

fn before(now: SystemTime, took: Duration) -> SystemTime {
    now.checked_sub(took).unwrap_or(now)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
