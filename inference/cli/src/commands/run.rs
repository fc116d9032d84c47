//! `verbatim run`.

use std::{path::Path, time::Duration};

use verbatim_crds::{
    Manifest, ManifestError, TranscriptionJob, TranscriptionJobSpec, manifest, recognition::Timestamps,
};
use verbatim_ledger::worker::StopReason;

use crate::commands::args::Run;
use crate::commands::escape::Shown;
use crate::commands::say::Say;
use crate::commands::work::{Order, carry_out};
use crate::commands::{CommandError, Loader, args, exit, job as shared, outcomes, summary, worker};
use crate::local::done::Overwrite;
use crate::local::job;
use crate::local::job::JobError;
use crate::local::plan::NameError;
use crate::output::format::Format;
use crate::worker::batch::Local;
use verbatim_supervisor::policy::Policy;
use verbatim_text::error_chain;

/// Does what a manifest says. Gives the exit code.
///
/// # Errors
/// [`CommandError::Configuration`] when the manifest cannot be done here, or when there is no engine.
pub fn run(options: &Run, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let manifest = load_manifest(&options.file)?;
    for ignored in &manifest.ignored {
        say.note(&format!("Left alone: the {} at line {} of the manifest", ignored.kind, ignored.line));
    }
    let spec = &manifest.job.spec;
    if spec.suspend {
        say.note("Nothing to do: the job is suspended (spec.suspend)");
        return Ok(exit::DONE);
    }
    if spec.source.s3.is_some() || spec.destination.s3.is_some() {
        return together(options, &manifest.job, say, load);
    }
    let order = order(options, spec).map_err(|error| wrong_job(&error))?;
    tell_limits(&order, spec, say);
    carry_out(&order, say, load)
}

/// Reads a manifest.
///
/// # Errors
/// [`CommandError::Configuration`].
pub fn load_manifest(file: &Path) -> Result<Manifest, CommandError> {
    manifest::load(file).map_err(|error| manifest_error(file, &error))
}

/// What a command does with a manifest that is wrong.
pub fn manifest_error(file: &Path, error: &ManifestError) -> CommandError {
    match error {
        // Names the file itself.
        ManifestError::Read { .. } => CommandError::configuration(error),
        _ => CommandError::Configuration(format!("{}: {}", Shown(file), error_chain(error))),
    }
}

/// Does a job over its ledger, with whoever else does it, until every shard is done.
fn together(options: &Run, job: &TranscriptionJob, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let base = manifest::base(&options.file);
    let spec = &job.spec;
    let engine = job::engine_options(spec, base, options.here.device, args::threads(options.here.threads))
        .map_err(|error| wrong_job(&error))?;
    let spool = worker::spool(options.here.spool.as_deref())?;
    let order = shared::Order {
        job,
        base,
        engine,
        policy: options.operation.apply(Policy::new(&spec.recycle, &spec.failure_policy)),
        local: Local {
            stay: true,
            lease: Duration::from_secs_f64(options.ledger.lease),
            spool: spool.path().to_owned(),
        },
        http: options.operation.http.clone(),
    };
    tell_recognition(spec, say);
    let drains = !order.policy.grace_period.is_zero();
    let done = shared::work(&order, say, load)?;
    let all = match &done.left {
        StopReason::Complete(report) => Some(report),
        StopReason::NothingToClaim | StopReason::Drained => None,
    };
    if done.loading.is_zero() {
        say.note("This job is over already; nothing was done now");
    } else {
        say.line(&summary::summary(&done.tally, &worker::facts(&done)));
    }
    Ok(match all {
        Some(report) => {
            say.note(&outcomes::sums(report));
            say.note(&format!("Report: {}", done.ledger.address(&done.ledger.report_lines_key())));
            if report.files.failed > 0 { exit::SOME_FAILED } else { exit::DONE }
        }
        None => {
            say.note("Interrupted: run it again for the rest");
            shared::drained(done.signal, drains).unwrap_or(exit::SOME_FAILED)
        }
    })
}

fn order(options: &Run, spec: &TranscriptionJobSpec) -> Result<Order, JobError> {
    let base = manifest::base(&options.file);
    Ok(Order {
        engine: job::engine_options(spec, base, options.here.device, args::threads(options.here.threads))?,
        plan: job::plan(spec, base)?,
        formats: spec.destination.formats.clone(),
        overwrite: job::overwrite(spec),
        policy: options.operation.apply(Policy::new(&spec.recycle, &spec.failure_policy)),
        http: options.operation.http.clone(),
    })
}

/// Says what the manifest asks for and does not get.
fn tell_limits(order: &Order, spec: &TranscriptionJobSpec, say: &Say) {
    if order.overwrite == Overwrite::IfStale && !order.formats.contains(&Format::Json) {
        say.note(
            "Without JSON among the formats nothing tells what is done already: everything is transcribed",
        );
    }
    tell_recognition(spec, say);
}

/// Says what the manifest asks of the model and does not get.
fn tell_recognition(spec: &TranscriptionJobSpec, say: &Say) {
    if spec.recognition.timestamps == Timestamps::Word {
        say.note("The model gives times for segments only: there are no times for words");
    }
    if !spec.recognition.hotwords.is_empty() {
        say.note("The model takes no hotwords: they have no effect");
    }
}

/// File names may hold anything: they are shown escaped.
/// What a command does with a job that cannot be done here.
pub fn wrong_job(error: &JobError) -> CommandError {
    CommandError::Configuration(match error {
        JobError::Names(NameError::Collision { first, second, target }) => format!(
            "{} and {} would both be written to {}: rename one, or use layout: Mirror",
            Shown(first),
            Shown(second),
            Shown(target)
        ),
        JobError::Names(NameError::OverRecording { recording }) => format!(
            "a transcript would be written over the recording {}: use another destination",
            Shown(recording)
        ),
        _ => error_chain(error),
    })
}
