//! `verbatim worker`: the command of a pod.

use std::path::{Path, PathBuf};
use std::time::Duration;

use verbatim_crds::contract::env;
use verbatim_crds::{Manifest, manifest};
use verbatim_ledger::worker::StopReason;

use crate::args::{self, WorkerArgs};
use crate::commands::run::job_error;
use crate::console::Console;
use crate::engine_options::engine_options_from_manifest;
use crate::engine_start::EngineLoader;
use crate::error::CommandError;
use crate::exit;
use crate::manifest::{load_manifest, manifest_error};
use crate::progress::summary;
use crate::run_ledger::{FinishedRun, LedgerRun, run_ledger, spool_folder};
use crate::termination_message;
use crate::worker::open_job::LocalSettings;
use crate::worker::worker_error::WorkerCommandError;
use verbatim_supervisor::policy::Policy;

/// Works on a job until nothing is left to claim. Returns the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn worker(args: &WorkerArgs, console: &Console, load: EngineLoader) -> Result<u8, CommandError> {
    let result = work(args, console, load).map_err(|mut error| {
        // A worker that has not begun any work counts as drained.
        if let CommandError::Interrupted(code) = &mut error.error {
            *code = exit::after_signal(*code, true);
        }
        error
    });
    let message = match &result {
        Ok((code, run)) => termination_message::of_run(*code, run),
        Err(error) => termination_message::of_error(error),
    };
    termination_message::write(&args.termination_log, message);
    Ok(result?.0)
}

fn work(
    args: &WorkerArgs,
    console: &Console,
    load: EngineLoader,
) -> Result<(u8, FinishedRun), WorkerCommandError> {
    let (manifest, base) = manifest_of(args)?;
    let spec = &manifest.job.spec;
    let engine =
        engine_options_from_manifest(spec, &base, args.machine.device, args::threads(args.machine.threads))
            .map_err(|error| job_error(&error.into()))?;
    let spool = spool_folder(args.machine.spool.as_deref()).map_err(WorkerCommandError::internal)?;
    let run = LedgerRun {
        job: &manifest.job,
        base: &base,
        engine,
        policy: args.operation.apply(Policy::new(&spec.recycle, &spec.failure_policy)),
        local: LocalSettings {
            stay: false,
            lease: Duration::from_secs_f64(args.lease.lease),
            spool: spool.path().to_owned(),
        },
        http: args.operation.http.clone(),
    };
    let run = run_ledger(&run, console, load)?;
    if run.loading.is_zero() {
        console.note("The job is already complete: nothing to do");
    } else {
        console.line(&summary::summary(&run.counts, &run.summary_facts()));
    }
    let code = match run.stop_reason {
        StopReason::Drained => run.signal.map_or(exit::DRAINED, |code| exit::after_signal(code, true)),
        StopReason::Complete(_) | StopReason::NothingToClaim => exit::DONE,
    };
    Ok((code, run))
}

/// The manifest from the file or from the environment, and the folder that its paths are relative to.
fn manifest_of(args: &WorkerArgs) -> Result<(Manifest, PathBuf), CommandError> {
    if let Some(file) = &args.file {
        return Ok((load_manifest(file)?, manifest::base(file).to_owned()));
    }
    let text = std::env::var(env::JOB).map_err(|_| {
        CommandError::Usage(format!("no job given: name a manifest with --file, or set {}", env::JOB))
    })?;
    let manifest = manifest::parse(&text).map_err(|error| manifest_error(Path::new(env::JOB), &error))?;
    Ok((manifest, PathBuf::from(".")))
}
