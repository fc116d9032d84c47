//! A job over its ledger: what `verbatim run` and `verbatim worker` have in common.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use verbatim_crds::TranscriptionJob;
use verbatim_ledger::keys::Ledger;
use verbatim_ledger::plan::PlanInput;
use verbatim_ledger::worker::events::Listener;
use verbatim_ledger::worker::transcribe::Transcribe;
use verbatim_ledger::worker::{Drain, StopReason, Worker, WorkerError};

use crate::commands::observed::Observed;
use crate::commands::say::Say;
use crate::commands::signals::Signals;
use crate::commands::tally::Tally;
use crate::commands::told::Told;
use crate::commands::traces::JobTraces;
use crate::commands::work::no_engine;
use crate::commands::wrong::{Wrong, engine_cause};
use crate::commands::{CommandError, Loader, exit};
use crate::output::made_by::MadeBy;
use crate::worker::batch::{Batch, BatchError, Local};
use crate::worker::counts::StoreCounts;
use crate::worker::looks::Looks;
use crate::worker::room::Room;
use verbatim_protocol::options::EngineOptions;
use verbatim_supervisor::policy::Policy;

/// Interval at which the stop flag is read: a signal sets a flag and wakes nobody.
const LOOK: Duration = Duration::from_millis(50);

/// What is to be done.
pub struct Order<'a> {
    /// The job.
    pub job: &'a TranscriptionJob,
    /// The manifest's folder.
    pub base: &'a Path,
    /// The engine to make.
    pub engine: EngineOptions,
    /// The rules for engines.
    pub policy: Policy,
    /// What this worker adds.
    pub local: Local,
    /// Where metrics and status are served, if they are.
    pub http: Option<String>,
}

/// What came of it.
pub struct Done {
    /// Why the worker left.
    pub left: StopReason,
    /// What it did.
    pub tally: Tally,
    /// Time from the engine's being ready to the end.
    pub elapsed: Duration,
    /// Time that loading took.
    pub loading: Duration,
    /// Most resident memory of an engine, in bytes.
    pub peak_memory: Option<u64>,
    /// Engines that were replaced, in words.
    pub replaced: Option<String>,
    /// The signal's exit code, if there was one.
    pub signal: Option<u8>,
    /// The job's ledger.
    pub ledger: Ledger,
}

/// The runtime that stores are talked to on. The work is waiting, and encryption: two threads, so that a claim is renewed while
/// a plan is sorted.
///
/// # Errors
/// When the system refuses threads.
pub fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("stores")
        .enable_all()
        .build()
        .map_err(|error| CommandError::configuration(&error))
}

/// Works on a job until nothing is left to do here.
///
/// # Errors
/// [`CommandError`].
pub fn work(order: &Order<'_>, say: &Say, load: Loader) -> Result<Done, Wrong> {
    let runtime = runtime().map_err(Wrong::internal)?;
    let mut traces = JobTraces::start(order.job, &runtime);
    let outcome = work_on(order, say, load, &runtime, &mut traces);
    traces.end(&outcome);
    outcome
}

fn work_on(
    order: &Order<'_>,
    say: &Say,
    load: Loader,
    runtime: &Runtime,
    traces: &mut JobTraces,
) -> Result<Done, Wrong> {
    let before = Instant::now();
    let signals = Signals::catch().map_err(|error| Wrong::internal(CommandError::configuration(&error)))?;
    let observed = Observed::new(say, order.http.as_deref()).map_err(Wrong::internal)?;
    let requests = Arc::new(StoreCounts::new(observed.metrics()));
    let opening = Batch::open(order.job, order.base, requests, order.local.lease);
    let mut batch = runtime.block_on(before_signal(opening, &signals))?;
    observed.ask(Arc::new(Looks::new(batch.ledger.clone(), runtime.handle().clone())));
    let told = Arc::new(Told::new(say, observed));
    if let Some(report) = runtime.block_on(before_signal(batch.report(), &signals))? {
        let (tally, elapsed) = told.end();
        let left = StopReason::Complete(Box::new(report));
        let (loading, peak_memory, replaced, signal) = (Duration::ZERO, None, None, None);
        return Ok(Done {
            left,
            tally,
            elapsed,
            loading,
            peak_memory,
            replaced,
            signal,
            ledger: batch.ledger,
        });
    }
    if let Some(why) = runtime.block_on(before_signal(batch.probe(), &signals))? {
        say.note(&format!(
            "The store does not keep the conditions of writes ({why}): work may be done twice"
        ));
    }
    let engine = load(&order.engine, order.policy.clone(), told.observed().observer(None), signals.stop())
        .map_err(|error| Wrong { error: no_engine(&error, &signals), cause: engine_cause(&error) })?;
    let loading = before.elapsed();
    let made_by = MadeBy {
        model: engine.model(),
        language: engine.language(),
        config_digest: order.engine.config_digest(),
    };
    let settings =
        batch.settings(&order.local, format!("{} {}", made_by.model.digest, made_by.config_digest));
    traces.started(&made_by.model.name, loading);
    say.note(&format!("Working on {} on {}", batch.stores.source.address(), engine.describe()));
    told.begin();
    let heard = Arc::clone(&told);
    let (room, thread) = Room::open(
        engine,
        made_by,
        batch.spec.destination.formats.clone(),
        signals.shared_stop(),
        Box::new(move |id, far| heard.heard(id, far)),
    );
    let worker = Worker {
        ledger: batch.ledger.clone(),
        plan_input: PlanInput {
            spec: &batch.spec,
            source: batch.stores.source.clone(),
            destination: batch.stores.destination.clone(),
            lists: Arc::clone(&batch.stores.lists),
        },
        settings,
        transcriber: Arc::clone(&room) as Arc<dyn Transcribe>,
        listener: traces.watch(Arc::clone(&told) as Arc<dyn Listener>, &batch.spec),
        drain: Drain::default(),
    };
    let left = runtime.block_on(until_signal(&worker, &signals));
    room.close();
    // The engine's thread ends with its last answer; one that died has said so.
    let _ = thread.join();
    let (tally, elapsed) = told.end();
    let figures = told.observed().engines.figures();
    Ok(Done {
        left: left.map_err(BatchError::from)?,
        tally,
        elapsed,
        loading,
        peak_memory: figures.peak,
        replaced: crate::commands::engines::replaced(&figures),
        signal: signals.exit_code(),
        ledger: batch.ledger,
    })
}

/// Waits for what comes before the work, and no longer than a signal: a store may keep us waiting for minutes.
async fn before_signal<T>(
    asked: impl Future<Output = Result<T, BatchError>>,
    signals: &Signals,
) -> Result<T, Wrong> {
    let mut asked = std::pin::pin!(asked);
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            answer = &mut asked => return Ok(answer?),
            _ = looks.tick() => if signals.stop().load(Ordering::Acquire) {
                return Err(CommandError::Interrupted(signals.exit_code().unwrap_or(exit::SIGNALLED)).into());
            },
        }
    }
}

/// Runs a worker; a signal makes it give back what it has.
async fn until_signal(worker: &Worker<'_>, signals: &Signals) -> Result<StopReason, WorkerError> {
    let mut working = std::pin::pin!(worker.run());
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            left = &mut working => return left,
            _ = looks.tick() => if signals.stop().load(Ordering::Acquire) {
                worker.drain.begin();
            },
        }
    }
}

/// What a command does where a job cannot be worked on.
pub fn wrong(error: &BatchError) -> CommandError {
    let words = verbatim_text::error_chain(error);
    if error.is_configuration() { CommandError::Configuration(words) } else { CommandError::Failed(words) }
}

/// The exit code of a signal, for those who drain: run me again.
pub fn drained(signal: Option<u8>, drains: bool) -> Option<u8> {
    signal.map(|code| if drains && code == exit::TERMINATED { exit::DRAINED } else { code })
}
