//! `verbatim run`: runs a manifest on this machine.

use std::time::Duration;

use verbatim_crds::destination::{Format, Overwrite};
use verbatim_crds::recognition::Timestamps;
use verbatim_crds::{TranscriptionJob, TranscriptionJobSpec, manifest};
use verbatim_ledger::worker::StopReason;

use crate::args::{self, RunArgs};
use crate::console::Console;
use crate::engine_options::engine_options_from_manifest;
use crate::engine_start::EngineLoader;
use crate::error::CommandError;
use crate::escaped_path::EscapedPath;
use crate::exit;
use crate::folder_job::inputs::TargetError;
use crate::folder_job::manifest::{self as folder_manifest, JobError};
use crate::manifest::load_manifest;
use crate::progress::job_totals::job_totals;
use crate::progress::summary;
use crate::run_ledger::{LedgerRun, run_ledger, spool_folder};
use crate::run_local::{LocalRun, run_local};
use crate::worker::open_job::LocalSettings;
use verbatim_supervisor::policy::Policy;
use verbatim_text::error_chain;

/// Runs a manifest. Returns the exit code.
///
/// # Errors
/// [`CommandError::Configuration`] when the manifest cannot run here or no engine starts.
pub fn run(args: &RunArgs, console: &Console, load: EngineLoader) -> Result<u8, CommandError> {
    let manifest = load_manifest(&args.file)?;
    for ignored in &manifest.ignored {
        console.note(&format!("Ignored: the {} at line {} of the manifest", ignored.kind, ignored.line));
    }
    let spec = &manifest.job.spec;
    if spec.suspend {
        console.note("Nothing to do: the job is suspended (spec.suspend)");
        return Ok(exit::DONE);
    }
    if spec.source.s3.is_some() || spec.destination.s3.is_some() {
        return run_over_ledger(args, &manifest.job, console, load);
    }
    let local_run = local_run(args, spec).map_err(|error| job_error(&error))?;
    note_unsupported(&local_run, spec, console);
    run_local(&local_run, console, load)
}

/// Runs a job over its ledger, together with other workers, until every shard is done.
fn run_over_ledger(
    args: &RunArgs,
    job: &TranscriptionJob,
    console: &Console,
    load: EngineLoader,
) -> Result<u8, CommandError> {
    let base = manifest::base(&args.file);
    let spec = &job.spec;
    let engine =
        engine_options_from_manifest(spec, base, args.machine.device, args::threads(args.machine.threads))
            .map_err(|error| job_error(&error.into()))?;
    let spool = spool_folder(args.machine.spool.as_deref())?;
    let ledger_run = LedgerRun {
        job,
        base,
        engine,
        policy: args.operation.apply(Policy::new(&spec.recycle, &spec.failure_policy)),
        local: LocalSettings {
            stay: true,
            lease: Duration::from_secs_f64(args.lease.lease),
            spool: spool.path().to_owned(),
        },
        http: args.operation.http.clone(),
    };
    note_unsupported_recognition(spec, console);
    let drains = !ledger_run.policy.grace_period.is_zero();
    let done = run_ledger(&ledger_run, console, load)?;
    let report = match &done.stop_reason {
        StopReason::Complete(report) => Some(report),
        StopReason::NothingToClaim | StopReason::Drained => None,
    };
    if done.loading.is_zero() {
        console.note("The job is already complete: nothing to do");
    } else {
        console.line(&summary::summary(&done.counts, &done.summary_facts()));
    }
    Ok(match report {
        Some(report) => {
            console.note(&job_totals(report));
            console.note(&format!("Report: {}", done.ledger.address(&done.ledger.report_lines_key())));
            if report.files.failed > 0 { exit::SOME_FAILED } else { exit::DONE }
        }
        None => {
            console.note("Interrupted: run it again for the rest");
            done.signal.map_or(exit::SOME_FAILED, |code| exit::after_signal(code, drains))
        }
    })
}

fn local_run(args: &RunArgs, spec: &TranscriptionJobSpec) -> Result<LocalRun, JobError> {
    let base = manifest::base(&args.file);
    Ok(LocalRun {
        engine: engine_options_from_manifest(
            spec,
            base,
            args.machine.device,
            args::threads(args.machine.threads),
        )?,
        plan: folder_manifest::plan(spec, base)?,
        formats: spec.destination.formats.clone(),
        overwrite: spec.destination.overwrite,
        policy: args.operation.apply(Policy::new(&spec.recycle, &spec.failure_policy)),
        http: args.operation.http.clone(),
    })
}

/// Notes the settings of the manifest that have no effect.
fn note_unsupported(run: &LocalRun, spec: &TranscriptionJobSpec, console: &Console) {
    if run.overwrite == Overwrite::IfStale && !run.formats.contains(&Format::Json) {
        console.note(
            "Without JSON among the formats, fresh transcripts cannot be recognised: everything is transcribed",
        );
    }
    note_unsupported_recognition(spec, console);
}

/// Notes the settings of recognition that the model does not support.
fn note_unsupported_recognition(spec: &TranscriptionJobSpec, console: &Console) {
    if spec.recognition.timestamps == Timestamps::Word {
        console.note("The model produces timestamps for segments only, not for words");
    }
    if !spec.recognition.hotwords.is_empty() {
        console.note("The model does not support hotwords: they have no effect");
    }
}

/// The command's error for a job that cannot run here. File names can contain anything and are escaped.
pub fn job_error(error: &JobError) -> CommandError {
    CommandError::Configuration(match error {
        JobError::Targets(TargetError::Collision { first, second, target }) => format!(
            "{} and {} would both be written to {}: rename one, or use layout: Mirror",
            EscapedPath(first),
            EscapedPath(second),
            EscapedPath(target)
        ),
        JobError::Targets(TargetError::OverRecording { recording }) => format!(
            "a transcript would overwrite the recording {}: use another destination",
            EscapedPath(recording)
        ),
        _ => error_chain(error),
    })
}
