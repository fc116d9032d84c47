//! A run over folders: the common part of `verbatim transcribe` and `verbatim run`.

use std::time::Instant;

use crate::console::Console;
use crate::engine_start::{self, EngineLoader};
use crate::error::CommandError;
use crate::exit;
use crate::folder_job::plan::Plan;
use crate::folder_job::run::run;
use crate::folder_job::run_input::{Origin, RunInput};
use crate::progress::left_out::left_out;
use crate::progress::reporter::ProgressReporter;
use crate::progress::run_counts::RunCounts;
use crate::progress::run_observers::RunObservers;
use crate::progress::run_progress::RunProgressReporter;
use crate::progress::summary;
use crate::signals::Signals;
use verbatim_crds::destination::{Format, Overwrite};
use verbatim_protocol::options::EngineOptions;
use verbatim_supervisor::policy::Policy;

/// A run over folders.
pub struct LocalRun {
    /// The recordings.
    pub plan: Plan,
    /// Formats of each transcript.
    pub formats: Vec<Format>,
    /// Treatment of recordings whose transcript exists.
    pub overwrite: Overwrite,
    /// Options of the engine.
    pub engine: EngineOptions,
    /// Policy of the supervisor.
    pub policy: Policy,
    /// Address that serves metrics and status, if any.
    pub http: Option<String>,
}

/// Transcribes the recordings of a plan. Returns the exit code.
///
/// # Errors
/// [`CommandError`] when no engine starts; nothing has been written then.
pub fn run_local(local_run: &LocalRun, console: &Console, load: EngineLoader) -> Result<u8, CommandError> {
    let plan = &local_run.plan;
    if plan.recordings.is_empty() {
        let suffix =
            left_out(&plan.left_out).map(|left_out| format!("; left out: {left_out}")).unwrap_or_default();
        console.note(&format!("Nothing to do: no recordings were found{suffix}"));
        return Ok(exit::DONE);
    }
    let before = Instant::now();
    let signals = Signals::catch().map_err(|error| CommandError::configuration(&error))?;
    let observers = RunObservers::new(console, local_run.http.as_deref())?;
    let policy = local_run.policy.clone();
    let drains = !policy.grace_period.is_zero();
    let mut engine = load(&local_run.engine, policy, observers.observer(None), signals.stop())
        .map_err(|error| engine_start::command_error(&error, &signals))?;
    let loading = before.elapsed();
    let progress = ProgressReporter::new(console, observers, "");
    let reporter = RunProgressReporter::begin(&progress, &plan.recordings, &engine.describe());
    let input = RunInput {
        recordings: &plan.recordings,
        formats: &local_run.formats,
        overwrite: local_run.overwrite,
        origin: Origin { model: engine.model().digest, config: local_run.engine.config_digest() },
        listener: &reporter,
        stdout: &|bytes| console.write_stdout(bytes),
    };
    run(&input, engine.as_mut(), signals.stop());
    let signal = signals.exit_code().map(|code| exit::after_signal(code, drains));
    let stats = progress.observers.engine_log.stats();
    let facts = summary::Facts {
        elapsed: progress.elapsed(),
        loading,
        peak_memory: stats.peak,
        replaced: stats.replaced(),
        left_out: plan.left_out,
        interrupted: signal.is_some(),
        shared: false,
    };
    Ok(exit_code(&reporter.end(&facts), signal))
}

/// Exit code of a run. A signal that arrived after the last recording was done has interrupted nothing.
fn exit_code(counts: &RunCounts, signal: Option<u8>) -> u8 {
    match signal {
        Some(code) if counts.undone() > 0 => code,
        _ if counts.failures() + counts.undone() > 0 => exit::SOME_FAILED,
        _ => exit::DONE,
    }
}
