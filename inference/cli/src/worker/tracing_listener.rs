//! Spans of a worker, made from its events. A listener that forwards each event to another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::Layout;
use verbatim_ledger::outcome::Outcome;
use verbatim_ledger::plan::PlannedFile;
use verbatim_ledger::worker::events::{AttemptResult, Event, Listener};
use verbatim_ledger::worker::timings::{FileTimings, Step, StepTiming};
use verbatim_ledger::worker::{SessionEnd, WorkerError};
use verbatim_trace::{Span, TraceContext, Traces};

/// Listener that makes spans.
#[derive(Debug)]
pub struct TracingListener {
    inner: Arc<dyn Listener>,
    traces: Traces,
    /// Parent of the worker's spans.
    parent: TraceContext,
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
    pub fn new(
        inner: Arc<dyn Listener>,
        traces: Traces,
        parent: TraceContext,
        spec: &TranscriptionJobSpec,
    ) -> Self {
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
            Event::Planned { plan, made_here, took } => Span::child(&self.parent, "plan")
                .with("verbatim.plan.ours", *made_here)
                .with("verbatim.plan.files", number(plan.files))
                .with("verbatim.plan.bytes", number(plan.bytes))
                .with("verbatim.plan.shards", number(plan.shards.len() as u64))
                .end(&self.traces, before(now, *took), now),
            Event::PlanFailed { error, took } => with_error(Span::child(&self.parent, "plan"), error).end(
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
            Event::Attempted { shard, file, timings, result } => {
                let parent = self.shards().get(shard).map(|open| open.span.context());
                self.trace_file(&parent.unwrap_or(self.parent), file, timings, result);
            }
            Event::SessionEnded { shard, end } => {
                let end = match end {
                    SessionEnd::Recorded => "recorded",
                    SessionEnd::Released => "released",
                    SessionEnd::Lost => "lost",
                };
                if let Some(OpenShard { span, begun }) = self.shards().remove(shard) {
                    span.with("verbatim.shard.ended", end).end(&self.traces, begun, now);
                }
            }
            Event::SessionFailed { shard, error } => {
                if let Some(OpenShard { span, begun }) = self.shards().remove(shard) {
                    with_error(span, error).end(&self.traces, begun, now);
                }
            }
            _ => {}
        }
    }

    fn trace_file(
        &self,
        parent: &TraceContext,
        file: &PlannedFile,
        timings: &FileTimings,
        result: &AttemptResult<'_>,
    ) {
        let (begun, took) = (timings.begun(), timings.elapsed());
        let span = Span::child(parent, "transcribe file")
            .with_some("aws.s3.bucket", self.source.clone())
            .with(if self.source.is_some() { "aws.s3.key" } else { "file.path" }, file.key.clone())
            .with("file.size", number(file.size));
        for StepTiming { step, time, failed } in timings.steps() {
            let (name, bucket) = match step {
                Step::Fetch => ("fetch", &self.source),
                Step::Decode => ("decode", &None),
                Step::Infer => ("infer", &None),
                Step::Commit => ("commit", &self.destination),
            };
            let child = Span::child(&span.context(), name).with_some("aws.s3.bucket", bucket.clone());
            let child = if *failed { failed_step(child, result) } else { child };
            child.end(&self.traces, begun + time.start, begun + time.end);
        }
        let span = match result {
            AttemptResult::Finished(outcome) => with_outcome(span, outcome),
            AttemptResult::Interrupted => span.with("verbatim.outcome", "given back"),
            AttemptResult::Failed(error) => with_error(span, error),
        };
        span.end(&self.traces, begun, begun + took);
    }
}

impl Listener for TracingListener {
    fn on_event(&self, event: &Event<'_>) {
        self.trace(event);
        self.inner.on_event(event);
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
fn failed_step(span: Span, result: &AttemptResult<'_>) -> Span {
    match result {
        AttemptResult::Finished(Outcome { reason: Some(reason), message, .. }) => {
            span.failed(reason.as_str(), message.as_deref().unwrap_or_default())
        }
        AttemptResult::Failed(error) => with_error(span, error),
        AttemptResult::Finished(_) | AttemptResult::Interrupted => span,
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
        WorkerError::TaskFailed(_) => "died",
    };
    span.failed(kind, &verbatim_text::error_chain(error))
}

fn before(now: SystemTime, took: Duration) -> SystemTime {
    now.checked_sub(took).unwrap_or(now)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
