//! A job over its ledger: the common part of `verbatim run` and `verbatim worker`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use verbatim_crds::TranscriptionJob;
use verbatim_ledger::keys::Ledger;
use verbatim_ledger::plan::{LeftOut, PlanInput};
use verbatim_ledger::worker::events::Listener;
use verbatim_ledger::worker::transcribe::Transcribe;
use verbatim_ledger::worker::{Drain, StopReason, Worker, WorkerError};

use crate::console::Console;
use crate::engine_start::{self, EngineLoader};
use crate::error::CommandError;
use crate::exit;
use crate::output::transcript_builder::TranscriptBuilder;
use crate::progress::job_progress::JobProgressReporter;
use crate::progress::run_counts::RunCounts;
use crate::progress::run_observers::RunObservers;
use crate::progress::summary::Facts;
use crate::signals::Signals;
use crate::worker::engine_client::EngineClient;
use crate::worker::job_status_cache::JobStatusCache;
use crate::worker::job_traces::JobTraces;
use crate::worker::open_job::{LocalSettings, OpenJob, OpenJobError};
use crate::worker::request_metrics::RequestMetrics;
use crate::worker::worker_error::WorkerCommandError;
use verbatim_protocol::options::EngineOptions;
use verbatim_supervisor::policy::Policy;

/// Interval at which the stop flag is polled: a signal sets a flag and wakes no task.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A job to work on.
pub struct LedgerRun<'a> {
    /// The job.
    pub job: &'a TranscriptionJob,
    /// Folder of the manifest.
    pub base: &'a Path,
    /// Options of the engine.
    pub engine: EngineOptions,
    /// Policy of the supervisor.
    pub policy: Policy,
    /// Settings of this worker.
    pub local: LocalSettings,
    /// Address that serves metrics and status, if any.
    pub http: Option<String>,
}

/// The work of this worker, once it has left the job.
pub struct FinishedRun {
    /// Why the worker left.
    pub stop_reason: StopReason,
    /// Counts of this worker.
    pub counts: RunCounts,
    /// Time from the engine's readiness to the end.
    pub elapsed: Duration,
    /// Time that loading took; zero if the job was complete before.
    pub loading: Duration,
    /// Peak resident memory of an engine, in bytes.
    pub peak_memory: Option<u64>,
    /// Description of the replaced engines; none if there are none.
    pub replaced: Option<String>,
    /// Exit code of the signal that arrived, if any.
    pub signal: Option<u8>,
    /// The job's ledger.
    pub ledger: Ledger,
}

impl FinishedRun {
    /// The summary's facts beside the counts.
    pub fn summary_facts(&self) -> Facts {
        Facts {
            elapsed: self.elapsed,
            loading: self.loading,
            peak_memory: self.peak_memory,
            replaced: self.replaced.clone(),
            left_out: LeftOut::default(),
            interrupted: false,
            shared: true,
        }
    }
}

/// The runtime for requests to stores. Its work is waiting and TLS. With two threads a claim is renewed while
/// a plan is sorted.
///
/// # Errors
/// When the system refuses threads.
pub fn store_runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("stores")
        .enable_all()
        .build()
        .map_err(|error| CommandError::configuration(&error))
}

/// Creates a folder for downloaded recordings, which is removed when dropped.
///
/// # Errors
/// [`CommandError::Configuration`] when it cannot be created.
pub fn spool_folder(parent: Option<&Path>) -> Result<tempfile::TempDir, CommandError> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = tempfile::Builder::new().prefix("verbatim-spool-").tempdir_in(&parent);
    folder.map_err(|error| {
        CommandError::Configuration(format!("failed to create a spool in {}: {error}", parent.display()))
    })
}

/// Works on a job until nothing is left to do here.
///
/// # Errors
/// [`WorkerCommandError`].
pub fn run_ledger(
    run: &LedgerRun<'_>,
    console: &Console,
    load: EngineLoader,
) -> Result<FinishedRun, WorkerCommandError> {
    let runtime = store_runtime().map_err(WorkerCommandError::internal)?;
    let mut traces = JobTraces::start(run.job, &runtime);
    let result = run_traced(run, console, load, &runtime, &mut traces);
    traces.end(result.as_ref().map(|run| &run.stop_reason));
    result
}

fn run_traced(
    run: &LedgerRun<'_>,
    console: &Console,
    load: EngineLoader,
    runtime: &Runtime,
    traces: &mut JobTraces,
) -> Result<FinishedRun, WorkerCommandError> {
    let started = Instant::now();
    let signals = Signals::catch()
        .map_err(|error| WorkerCommandError::internal(CommandError::configuration(&error)))?;
    let observers = RunObservers::new(console, run.http.as_deref()).map_err(WorkerCommandError::internal)?;
    let requests = Arc::new(RequestMetrics::new(observers.metrics()));
    let opening = OpenJob::open(run.job, run.base, requests, run.local.lease);
    let mut job = runtime.block_on(before_signal(opening, &signals))?;
    observers.set_job_status(Arc::new(JobStatusCache::new(job.ledger.clone(), runtime.handle().clone())));
    let reporter = Arc::new(JobProgressReporter::new(console, observers));
    if let Some(report) = runtime.block_on(before_signal(job.report(), &signals))? {
        let (counts, elapsed) = reporter.end();
        return Ok(FinishedRun {
            stop_reason: StopReason::Complete(Box::new(report)),
            counts,
            elapsed,
            loading: Duration::ZERO,
            peak_memory: None,
            replaced: None,
            signal: None,
            ledger: job.ledger,
        });
    }
    if let Some(why) = runtime.block_on(before_signal(job.probe(), &signals))? {
        console.note(&format!("The store ignores conditional writes ({why}): work may be done twice"));
    }
    let observer = reporter.observers().observer(None);
    let engine = load(&run.engine, run.policy.clone(), observer, signals.stop()).map_err(|error| {
        WorkerCommandError {
            error: engine_start::command_error(&error, &signals),
            cause: engine_start::cause(&error),
        }
    })?;
    let loading = started.elapsed();
    let builder = TranscriptBuilder {
        model: engine.model(),
        language: engine.language(),
        config_digest: run.engine.config_digest(),
    };
    let settings = job.settings(&run.local, format!("{} {}", builder.model.digest, builder.config_digest));
    traces.started(&builder.model.name, loading);
    console.note(&format!("Working on {} on {}", job.stores.source.address(), engine.describe()));
    reporter.begin();
    let progress = Arc::clone(&reporter);
    let (client, thread) = EngineClient::start(
        engine,
        builder,
        job.spec.destination.formats.clone(),
        signals.shared_stop(),
        Box::new(move |id, position| progress.file_progress(id, position)),
    );
    let worker = Worker {
        ledger: job.ledger.clone(),
        plan_input: PlanInput {
            spec: &job.spec,
            source: job.stores.source.clone(),
            destination: job.stores.destination.clone(),
            lists: Arc::clone(&job.stores.lists),
        },
        settings,
        transcriber: Arc::clone(&client) as Arc<dyn Transcribe>,
        listener: traces.listener(Arc::clone(&reporter) as Arc<dyn Listener>, &job.spec),
        drain: Drain::default(),
    };
    let stop_reason = runtime.block_on(until_signal(&worker, &signals));
    client.close();
    // The engine's thread ends with its last result. If it panicked, the worker has failed already.
    let _ = thread.join();
    let (counts, elapsed) = reporter.end();
    let stats = reporter.observers().engine_log.stats();
    Ok(FinishedRun {
        stop_reason: stop_reason.map_err(OpenJobError::from)?,
        counts,
        elapsed,
        loading,
        peak_memory: stats.peak,
        replaced: stats.replaced(),
        signal: signals.exit_code(),
        ledger: job.ledger,
    })
}

/// Waits for a step before the work, but not beyond a signal: a store can take minutes to answer.
async fn before_signal<T>(
    step: impl Future<Output = Result<T, OpenJobError>>,
    signals: &Signals,
) -> Result<T, WorkerCommandError> {
    let mut step = std::pin::pin!(step);
    let mut polls = tokio::time::interval(STOP_POLL_INTERVAL);
    loop {
        tokio::select! {
            result = &mut step => return Ok(result?),
            _ = polls.tick() => if signals.stop().load(Ordering::Acquire) {
                return Err(CommandError::Interrupted(signals.exit_code().unwrap_or(exit::SIGNALLED)).into());
            },
        }
    }
}

/// Runs a worker. A signal makes it drain: it gives back its claims.
async fn until_signal(worker: &Worker<'_>, signals: &Signals) -> Result<StopReason, WorkerError> {
    let mut working = std::pin::pin!(worker.run());
    let mut polls = tokio::time::interval(STOP_POLL_INTERVAL);
    loop {
        tokio::select! {
            reason = &mut working => return reason,
            _ = polls.tick() => if signals.stop().load(Ordering::Acquire) {
                worker.drain.begin();
            },
        }
    }
}
