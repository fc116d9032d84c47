//! `verbatim worker`: what a pod runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use verbatim_crds::contract::env;
use verbatim_crds::{Manifest, manifest};
use verbatim_ledger::worker::StopReason;

use crate::commands::args;
use crate::commands::args::Worker;
use crate::commands::job;
use crate::commands::job::{Done, Order};
use crate::commands::run::{load_manifest, manifest_error, wrong_job};
use crate::commands::say::Say;
use crate::commands::summary;
use crate::commands::summary::Facts;
use crate::commands::wrong::Wrong;
use crate::commands::{CommandError, Loader, exit, farewell};
use crate::local::job::engine_options;
use crate::local::plan::LeftOut;
use crate::worker::batch::Local;
use verbatim_supervisor::policy::Policy;

/// Works on a job until nothing can be claimed. Gives the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn worker(options: &Worker, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let outcome = work(options, say, load).map_err(|mut wrong| {
        // Nothing was begun: as drained as one can be.
        if let CommandError::Interrupted(code) = &mut wrong.error {
            *code = job::drained(Some(*code), true).unwrap_or(*code);
        }
        wrong
    });
    let message = match &outcome {
        Ok((code, done)) => farewell::of_done(*code, done),
        Err(wrong) => farewell::of_wrong(wrong),
    };
    farewell::leave(&options.termination_log, message);
    Ok(outcome?.0)
}

fn work(options: &Worker, say: &Say, load: Loader) -> Result<(u8, Done), Wrong> {
    let (manifest, base) = manifest_of(options)?;
    let spec = &manifest.job.spec;
    let engine = engine_options(spec, &base, options.here.device, args::threads(options.here.threads))
        .map_err(|error| wrong_job(&error))?;
    let spool = spool(options.here.spool.as_deref()).map_err(Wrong::internal)?;
    let order = Order {
        job: &manifest.job,
        base: &base,
        engine,
        policy: options.operation.apply(Policy::new(&spec.recycle, &spec.failure_policy)),
        local: Local {
            stay: false,
            lease: Duration::from_secs_f64(options.ledger.lease),
            spool: spool.path().to_owned(),
        },
        http: options.operation.http.clone(),
    };
    let done = job::work(&order, say, load)?;
    if done.loading.is_zero() {
        say.note("This job is over already; nothing was done now");
    } else {
        say.line(&summary::summary(&done.tally, &facts(&done)));
    }
    let code = match done.left {
        StopReason::Drained => job::drained(done.signal, true).unwrap_or(exit::DRAINED),
        StopReason::Complete(_) | StopReason::NothingToClaim => exit::DONE,
    };
    Ok((code, done))
}

/// What a summary says beside the counts.
pub fn facts(done: &Done) -> Facts {
    Facts {
        elapsed: done.elapsed,
        loading: done.loading,
        peak_memory: done.peak_memory,
        replaced: done.replaced.clone(),
        left_out: LeftOut::default(),
        interrupted: false,
        shared: true,
    }
}

/// A folder for recordings that are fetched; it goes when it is dropped.
///
/// # Errors
/// [`CommandError::Configuration`] where none can be made.
pub fn spool(parent: Option<&Path>) -> Result<tempfile::TempDir, CommandError> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = tempfile::Builder::new().prefix("verbatim-spool-").tempdir_in(&parent);
    folder.map_err(|error| {
        CommandError::Configuration(format!("failed to make a spool in {}: {error}", parent.display()))
    })
}

/// The manifest from the file, or from the environment.
fn manifest_of(options: &Worker) -> Result<(Manifest, PathBuf), CommandError> {
    if let Some(file) = &options.file {
        return Ok((load_manifest(file)?, manifest::base(file).to_owned()));
    }
    let text = std::env::var(env::JOB).map_err(|_| {
        CommandError::Usage(format!("there is no job: name a manifest with --file, or set {}", env::JOB))
    })?;
    let manifest = manifest::parse(&text).map_err(|error| manifest_error(Path::new(env::JOB), &error))?;
    Ok((manifest, PathBuf::from(".")))
}
