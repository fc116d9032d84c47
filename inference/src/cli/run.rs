//! `verbatim run`.

use verbatim_crds::{ManifestError, TranscriptionJobSpec, manifest, recognition::Timestamps};

use crate::{
    cli::{
        CommandError, Loader,
        args::{self, Run},
        escape::Shown,
        exit,
        say::{Say, chain},
        work::{Order, carry_out},
    },
    local::{
        done::Overwrite,
        job::{self, JobError},
        plan::NameError,
    },
    output::format::Format,
    supervisor::policy::Policy,
};

/// Does what a manifest says. Gives the exit code.
///
/// # Errors
/// [`CommandError::Configuration`] when the manifest cannot be done here, or when there is no engine.
pub fn run(options: &Run, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let manifest = manifest::load(&options.file).map_err(|error| match &error {
        // Names the file itself.
        ManifestError::Read { .. } => CommandError::configuration(&error),
        _ => CommandError::Configuration(format!("{}: {}", Shown(&options.file), chain(&error))),
    })?;
    for ignored in &manifest.ignored {
        say.note(&format!("Left alone: the {} at line {} of the manifest", ignored.kind, ignored.line));
    }
    let spec = &manifest.job.spec;
    if spec.suspend {
        say.note("Nothing to do: the job is suspended (spec.suspend)");
        return Ok(exit::DONE);
    }
    let order = order(options, spec).map_err(|error| wrong_job(&error))?;
    tell_limits(&order, spec, say);
    carry_out(&order, say, load)
}

fn order(options: &Run, spec: &TranscriptionJobSpec) -> Result<Order, JobError> {
    let base = manifest::base(&options.file);
    Ok(Order {
        engine: job::engine_options(spec, base, options.device, args::threads(options.threads))?,
        plan: job::plan(spec, base)?,
        formats: job::formats(spec),
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
    if spec.recognition.timestamps == Timestamps::Word {
        say.note("The model gives times for segments only: there are no times for words");
    }
    if !spec.recognition.hotwords.is_empty() {
        say.note("The model takes no hotwords: they have no effect");
    }
}

/// File names may hold anything: they are shown escaped.
fn wrong_job(error: &JobError) -> CommandError {
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
        _ => chain(error),
    })
}
