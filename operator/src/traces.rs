//! The operator's part of a job's trace: the job itself, which is the root of all spans, and the reconciles
//! that wrote events. A reconcile without news makes no span.

use std::time::{Duration, SystemTime};

use kube::ResourceExt;
use verbatim_crds::conditions::{Phase, types};
use verbatim_crds::contract::labels::OPERATOR;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};
use verbatim_text::error_chain;
use verbatim_trace::{Service, Span, TraceContext};

use crate::context::Context;
use crate::error::Error;
use crate::events::Note;

/// Record of a reconcile, for its span.
#[derive(Debug)]
pub struct ReconcileTrace {
    /// Time spent waiting for the API server and the workers.
    pub waited: Duration,
    /// Events that were written.
    pub notes: Vec<Note>,
    /// The job's status, if the job ended in this reconcile.
    finished: Option<TranscriptionJobStatus>,
    started: SystemTime,
}

impl ReconcileTrace {
    /// A record that starts now.
    pub fn start() -> Self {
        Self { waited: Duration::ZERO, notes: Vec::new(), finished: None, started: SystemTime::now() }
    }

    /// Records a write of the status. The end of a job is taken from it alone, so that one replica reports
    /// it, once.
    pub fn status_written(&mut self, before: &TranscriptionJobStatus, after: &TranscriptionJobStatus) {
        if before.completion_time.is_none() && after.completion_time.is_some() {
            self.finished = Some(after.clone());
        }
    }
}

/// Service that the operator's spans belong to.
pub fn service(instance: &str, namespace: &str) -> Service {
    Service {
        name: OPERATOR,
        version: env!("CARGO_PKG_VERSION"),
        instance: instance.to_owned(),
        attributes: vec![("k8s.pod.name", instance.to_owned()), ("k8s.namespace.name", namespace.to_owned())],
    }
}

/// Exports the spans of a reconcile. `error` is its failure, if it is the first in a row.
pub fn reconciled(context: &Context, job: &TranscriptionJob, trace: &ReconcileTrace, error: Option<&Error>) {
    let Some(root) = root(context, job) else { return };
    let now = SystemTime::now();
    if let Some(span) = reconcile(&root, trace, error, now) {
        span.end(&context.traces, trace.started, now);
    }
    if let Some(status) = &trace.finished {
        whole(root, job, Some(status)).end(&context.traces, created(job, now), now);
    }
}

/// Exports the span of a deleted job, unless the job had ended before.
pub fn deleted(context: &Context, job: &TranscriptionJob) {
    let ended = job.status.as_ref().is_some_and(|status| status.completion_time.is_some());
    let Some(root) = root(context, job).filter(|_| !ended) else { return };
    let now = SystemTime::now();
    whole(root, job, None).end(&context.traces, created(job, now), now);
}

/// Root of a job's trace; `None` if the job is not traced.
fn root(context: &Context, job: &TranscriptionJob) -> Option<TraceContext> {
    context.settings.traces.job_context(&job.uid()?)
}

/// Span of a reconcile that wrote events or failed.
fn reconcile(
    root: &TraceContext,
    trace: &ReconcileTrace,
    error: Option<&Error>,
    now: SystemTime,
) -> Option<Span> {
    // Another replica leads and reports the same.
    let error = error.filter(|error| !matches!(error, Error::NotLeader));
    if trace.notes.is_empty() && error.is_none() {
        return None;
    }
    let mut span = Span::child(root, "reconcile");
    for note in &trace.notes {
        span = span.event(note.reason, note.message.clone(), now);
    }
    Some(match error {
        Some(error) => span.failed(error.step(), &error_chain(error)),
        None => span,
    })
}

/// Span of a whole job, with its final status; without one if it was deleted before its end.
fn whole(root: TraceContext, job: &TranscriptionJob, status: Option<&TranscriptionJobStatus>) -> Span {
    let span = Span::root(root, "job")
        .with("verbatim.job.name", job.name_any())
        .with("verbatim.job.uid", job.uid().unwrap_or_default())
        .with_some("k8s.namespace.name", job.namespace());
    let Some(status) = status else { return span.with("verbatim.job.phase", "Deleted") };
    let files = status.files.unwrap_or_default();
    let span = span
        .with_some("verbatim.job.phase", status.phase.map(Phase::as_str))
        .with("verbatim.files.total", files.total)
        .with("verbatim.files.succeeded", files.succeeded)
        .with("verbatim.files.failed", files.failed)
        .with("verbatim.files.skipped", files.skipped)
        .with_some("verbatim.audio.seconds", status.audio_seconds.map(|audio| audio.done));
    let failed = |condition: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        condition.type_ == types::FAILED && condition.status == "True"
    };
    match status.conditions.iter().find(failed) {
        Some(condition) => span.failed(condition.reason.clone(), &condition.message),
        None => span,
    }
}

/// Creation time of the job, before all other spans.
fn created(job: &TranscriptionJob, now: SystemTime) -> SystemTime {
    job.metadata.creation_timestamp.as_ref().map_or(now, |time| SystemTime::from(time.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(notes: Vec<Note>) -> ReconcileTrace {
        ReconcileTrace { notes, ..ReconcileTrace::start() }
    }

    #[test]
    fn only_reconciles_with_events_or_errors_are_spans() {
        let (root, now) = (TraceContext::of_job("uid"), SystemTime::now());
        let span = |notes, error: Option<&Error>| reconcile(&root, &trace(notes), error, now).is_some();
        let note = Note { warning: false, reason: "ScaledUp", message: "1 -> 2 workers".to_owned() };
        assert!(!span(Vec::new(), None));
        assert!(span(vec![note], None));
        assert!(span(Vec::new(), Some(&Error::Nameless("uid"))));
        assert!(!span(Vec::new(), Some(&Error::NotLeader)));
    }

    #[test]
    fn a_job_ends_once() {
        let open = TranscriptionJobStatus::default();
        let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(k8s_openapi::jiff::Timestamp::now());
        let ended = TranscriptionJobStatus { completion_time: Some(time), ..open.clone() };
        let finished = |before: &_, after: &_| {
            let mut trace = trace(Vec::new());
            trace.status_written(before, after);
            trace.finished.is_some()
        };
        assert!(finished(&open, &ended));
        assert!(!finished(&open, &open) && !finished(&ended, &ended));
    }
}
