//! The operator's part of a job's trace: the job itself, which is the root of everything, and the reconciles in which
//! something happened that a person would be told. A look that finds nothing new makes no span.

use std::time::{Duration, SystemTime};

use kube::ResourceExt;
use verbatim_crds::conditions::types;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};
use verbatim_trace::{Service, Span, TraceContext as Place};

use crate::context::Context;
use crate::error::{Error, chain};
use crate::events::Note;

/// The operator's name in traces, unless the environment says otherwise.
const SERVICE: &str = "verbatim-operator";

/// What a reconcile was like.
#[derive(Debug)]
pub struct Course {
    /// Time that it waited for others.
    pub waited: Duration,
    /// What people were told.
    pub told: Vec<Note>,
    /// The job's status, where the job has ended just now.
    finished: Option<TranscriptionJobStatus>,
    begun: SystemTime,
}

impl Course {
    /// It begins now.
    pub fn begin() -> Self {
        Self { waited: Duration::ZERO, told: Vec::new(), finished: None, begun: SystemTime::now() }
    }

    /// The status was written. Whether a job has ended is known from it alone, so that one replica says so, once.
    pub fn turned(&mut self, before: &TranscriptionJobStatus, after: &TranscriptionJobStatus) {
        if before.completion_time.is_none() && after.completion_time.is_some() {
            self.finished = Some(after.clone());
        }
    }
}

/// Who the operator's spans are from.
pub fn service(instance: &str, namespace: &str) -> Service {
    Service {
        name: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        instance: instance.to_owned(),
        attributes: vec![("k8s.pod.name", instance.to_owned()), ("k8s.namespace.name", namespace.to_owned())],
    }
}

/// A reconcile is over. `error`: why it failed, the first time that it did.
pub fn reconciled(context: &Context, job: &TranscriptionJob, course: &Course, error: Option<&Error>) {
    let Some(root) = root(context, job) else { return };
    let now = SystemTime::now();
    if let Some(span) = reconcile(&root, course, error, now) {
        span.end(&context.traces, course.begun, now);
    }
    if let Some(status) = &course.finished {
        whole(root, job, Some(status)).end(&context.traces, created(job, now), now);
    }
}

/// A job was deleted. One that had not ended ends so.
pub fn deleted(context: &Context, job: &TranscriptionJob) {
    let over = job.status.as_ref().is_some_and(|status| status.completion_time.is_some());
    let Some(root) = root(context, job).filter(|_| !over) else { return };
    let now = SystemTime::now();
    whole(root, job, None).end(&context.traces, created(job, now), now);
}

/// The root of a job's trace; none where nothing is traced.
fn root(context: &Context, job: &TranscriptionJob) -> Option<Place> {
    context.settings.traces.job_context(&job.uid()?)
}

/// The span of a reconcile in which something happened.
fn reconcile(root: &Place, course: &Course, error: Option<&Error>, now: SystemTime) -> Option<Span> {
    // Another replica leads: it has the same to tell.
    let error = error.filter(|error| !matches!(error, Error::NotLeader));
    if course.told.is_empty() && error.is_none() {
        return None;
    }
    let mut span = Span::child(root, "reconcile");
    for note in &course.told {
        span = span.event(note.reason, note.words.clone(), now);
    }
    Some(match error {
        Some(error) => span.failed(error.step(), &chain(error)),
        None => span,
    })
}

/// The span of a whole job: with the status that it ended with, or without, where it was deleted before.
fn whole(root: Place, job: &TranscriptionJob, status: Option<&TranscriptionJobStatus>) -> Span {
    let span = Span::root(root, "job")
        .with("verbatim.job.name", job.name_any())
        .with("verbatim.job.uid", job.uid().unwrap_or_default())
        .with_some("k8s.namespace.name", job.namespace());
    let Some(status) = status else { return span.with("verbatim.job.phase", "Deleted") };
    let files = status.files.unwrap_or_default();
    let span = span
        .with_some("verbatim.job.phase", status.phase.map(|phase| format!("{phase:?}")))
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

/// When the job was made: everything of its trace came later.
fn created(job: &TranscriptionJob, now: SystemTime) -> SystemTime {
    job.metadata.creation_timestamp.as_ref().map_or(now, |time| SystemTime::from(time.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(told: Vec<Note>) -> Course {
        Course { told, ..Course::begin() }
    }

    #[test]
    fn only_a_reconcile_that_tells_something_is_a_span() {
        let (root, now) = (Place::of_job("uid"), SystemTime::now());
        let span = |told, error: Option<&Error>| reconcile(&root, &course(told), error, now).is_some();
        let note = Note { warning: false, reason: "ScaledUp", words: "1 -> 2 workers".to_owned() };
        assert!(!span(Vec::new(), None));
        assert!(span(vec![note], None));
        assert!(span(Vec::new(), Some(&Error::Nameless("uid"))));
        assert!(!span(Vec::new(), Some(&Error::NotLeader)));
    }

    #[test]
    fn a_job_ends_once() {
        let open = TranscriptionJobStatus::default();
        let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(k8s_openapi::jiff::Timestamp::now());
        let over = TranscriptionJobStatus { completion_time: Some(time), ..open.clone() };
        let finished = |before: &_, after: &_| {
            let mut course = course(Vec::new());
            course.turned(before, after);
            course.finished.is_some()
        };
        assert!(finished(&open, &over));
        assert!(!finished(&open, &open) && !finished(&over, &over));
    }
}
