//! Traces of a worker: their destination and their parent.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Runtime;
use verbatim_crds::contract::{env, labels};
use verbatim_crds::{TranscriptionJob, TranscriptionJobSpec};
use verbatim_ledger::job_uid::job_uid;
use verbatim_ledger::worker::StopReason;
use verbatim_ledger::worker::events::Listener;
use verbatim_trace::{Service, Span, TraceContext, TraceSettings, Traces};

use super::identity::Identity;
use super::tracing_listener::TracingListener;
use super::worker_error::WorkerCommandError;

/// Service name of a worker, unless the environment sets another.
const SERVICE: &str = "verbatim-worker";

/// Traces of this worker's part of a job.
pub struct JobTraces {
    traces: Traces,
    /// Parent of all spans: the operator's span, or our own.
    parent: TraceContext,
    /// Our own root span, if no parent was given.
    run: Option<Span>,
    begun: SystemTime,
    started: bool,
}

impl JobTraces {
    /// Starts tracing if the environment enables it. The parent comes from the environment, or from the
    /// annotation that the operator wrote into the job; a run without a parent is a root span of its own in
    /// the job's trace.
    pub fn start(job: &TranscriptionJob, runtime: &Runtime) -> Self {
        let settings = TraceSettings::from_environment();
        let parent = parent(job);
        let root = settings.job_context(&job_uid(job)).unwrap_or_else(|| TraceContext::of_job(""));
        // Not the job's root span, which is the operator's: several runs of the job may exist side by side.
        let run = parent.is_none().then(|| Span::root(root.with_new_span(), "run"));
        let parent = parent.or_else(|| Some(run.as_ref()?.context())).unwrap_or(root);
        let traces = {
            let _within = runtime.enter();
            Traces::start(&settings, service(job))
        };
        Self { traces, parent, run, begun: SystemTime::now(), started: false }
    }

    /// Listener that makes spans of events and forwards them to `inner`; `inner` itself without tracing.
    pub fn listener(&self, inner: Arc<dyn Listener>, spec: &TranscriptionJobSpec) -> Arc<dyn Listener> {
        if !self.traces.is_on() {
            return inner;
        }
        Arc::new(TracingListener::new(inner, self.traces.clone(), self.parent, spec))
    }

    /// Records the start of the engine and its duration.
    pub fn started(&mut self, model: &str, loading: Duration) {
        self.started = true;
        let ready = self.begun + loading;
        Span::child(&self.parent, "start").with("verbatim.model", model.to_owned()).end(
            &self.traces,
            self.begun,
            ready,
        );
    }

    /// Ends the remaining spans and sends them.
    pub fn end(self, result: Result<&StopReason, &WorkerCommandError>) {
        let now = SystemTime::now();
        let failed = result.err().map(|error| (error.cause.as_str(), error.error.to_string()));
        let ended = |span: Span| match &failed {
            Some((cause, message)) => span.failed(*cause, message),
            None => span,
        };
        if failed.is_some() && !self.started {
            ended(Span::child(&self.parent, "start")).end(&self.traces, self.begun, now);
        }
        if let Some(run) = self.run {
            let left = result.ok().map(|left| match left {
                StopReason::Complete(_) => "complete",
                StopReason::NothingToClaim => "nothing to claim",
                StopReason::Drained => "drained",
            });
            ended(run.with_some("verbatim.left", left)).end(&self.traces, self.begun, now);
        }
        self.traces.shutdown();
    }
}

/// The given parent. An invalid one is logged, and the run is a root of its own.
fn parent(job: &TranscriptionJob) -> Option<TraceContext> {
    let written = || job.metadata.annotations.as_ref()?.get(labels::TRACE_PARENT).cloned();
    let given = std::env::var(env::TRACE_PARENT).ok().filter(|given| !given.is_empty());
    match given.or_else(written)?.parse() {
        Ok(parent) => Some(parent),
        Err(error) => {
            tracing::warn!("ignoring the invalid parent of the trace: {error}");
            None
        }
    }
}

fn service(job: &TranscriptionJob) -> Service {
    let name = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    let mut attributes: Vec<(&'static str, String)> = vec![("verbatim.job.uid", job_uid(job))];
    attributes.extend(name(&job.metadata.name).map(|name| ("verbatim.job.name", name)));
    // Only a pod gets its name from the environment.
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
