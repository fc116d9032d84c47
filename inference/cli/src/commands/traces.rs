//! The traces of a worker: where they go, and what they hang from.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Runtime;
use verbatim_crds::contract::{env, labels};
use verbatim_crds::{TranscriptionJob, TranscriptionJobSpec};
use verbatim_ledger::job_uid::job_uid;
use verbatim_ledger::worker::StopReason;
use verbatim_ledger::worker::events::Listener;
use verbatim_trace::{Service, Span, TraceContext, TraceSettings, Traces};

use super::job::Done;
use super::wrong::Wrong;
use crate::worker::identity::Identity;
use crate::worker::traced::Traced;

/// What a worker's resource is named, unless the environment says otherwise.
const SERVICE: &str = "verbatim-worker";

/// The traces of one job here.
pub struct JobTraces {
    traces: Traces,
    /// What spans hang from: the operator's, or our own.
    parent: TraceContext,
    /// The root, where nobody gave one.
    run: Option<Span>,
    begun: SystemTime,
    started: bool,
}

impl JobTraces {
    /// Begins, where the environment says so. The parent is what the environment gives, or what the operator wrote into the
    /// job; a run without one is a root of its own in the job's trace.
    pub fn start(job: &TranscriptionJob, runtime: &Runtime) -> Self {
        let settings = TraceSettings::from_environment();
        let parent = parent(job);
        let root = settings.job_context(&job_uid(job)).unwrap_or_else(|| TraceContext::of_job(""));
        // Not the job's own root, which is the operator's: several may run the job beside each other.
        let run = parent.is_none().then(|| Span::root(root.with_new_span(), "run"));
        let parent = parent.or_else(|| Some(run.as_ref()?.context())).unwrap_or(root);
        let traces = {
            let _within = runtime.enter();
            Traces::start(&settings, service(job))
        };
        Self { traces, parent, run, begun: SystemTime::now(), started: false }
    }

    /// A watch that makes spans of what it hears, over another one.
    pub fn watch(&self, inner: Arc<dyn Listener>, spec: &TranscriptionJobSpec) -> Arc<dyn Listener> {
        if !self.traces.is_on() {
            return inner;
        }
        Arc::new(Traced::new(inner, self.traces.clone(), self.parent, spec))
    }

    /// The engine is ready: it took so long.
    pub fn started(&mut self, model: &str, loading: Duration) {
        self.started = true;
        let ready = self.begun + loading;
        Span::child(&self.parent, "start").with("verbatim.model", model.to_owned()).end(
            &self.traces,
            self.begun,
            ready,
        );
    }

    /// It is over: the last spans go on their way.
    pub fn end(self, outcome: &Result<Done, Wrong>) {
        let now = SystemTime::now();
        let failed = outcome.as_ref().err().map(|wrong| (wrong.cause.as_str(), wrong.error.to_string()));
        let ended = |span: Span| match &failed {
            Some((cause, words)) => span.failed(*cause, words),
            None => span,
        };
        if failed.is_some() && !self.started {
            ended(Span::child(&self.parent, "start")).end(&self.traces, self.begun, now);
        }
        if let Some(run) = self.run {
            let left = outcome.as_ref().ok().map(|done| match done.left {
                StopReason::Complete(_) => "complete",
                StopReason::NothingToClaim => "nothing to claim",
                StopReason::Drained => "drained",
            });
            ended(run.with_some("verbatim.left", left)).end(&self.traces, self.begun, now);
        }
        self.traces.shutdown();
    }
}

/// The parent that was given. What is none is said, and the run is its own.
fn parent(job: &TranscriptionJob) -> Option<TraceContext> {
    let written = || job.metadata.annotations.as_ref()?.get(labels::TRACE_PARENT).cloned();
    let given = std::env::var(env::TRACE_PARENT).ok().filter(|given| !given.is_empty());
    match given.or_else(written)?.parse() {
        Ok(parent) => Some(parent),
        Err(error) => {
            tracing::warn!("the trace has no parent: {error}");
            None
        }
    }
}

fn service(job: &TranscriptionJob) -> Service {
    let name = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    let mut attributes: Vec<(&'static str, String)> = vec![("verbatim.job.uid", job_uid(job))];
    attributes.extend(name(&job.metadata.name).map(|name| ("verbatim.job.name", name)));
    // Only a pod is told who it is.
    if let Some(pod) = name(&std::env::var(env::WORKER).ok()) {
        attributes.push(("k8s.pod.name", pod));
        attributes.extend(name(&job.metadata.namespace).map(|name| ("k8s.namespace.name", name)));
    }
    Service {
        name: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        instance: Identity::new().worker,
        attributes,
    }
}
