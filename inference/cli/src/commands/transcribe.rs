//! `verbatim transcribe`.

use crate::commands::args::Transcribe;
use crate::commands::escape::Shown;
use crate::commands::say::Say;
use crate::commands::work::{Order, carry_out};
use crate::commands::{CommandError, Loader};
use crate::local::inputs;
use crate::local::inputs::{InputError, Output};
use crate::local::plan::NameError;
use crate::output::format::Format;

/// Transcribes what the arguments name. Gives the exit code.
///
/// # Errors
/// [`CommandError`] when the arguments do not fit together, or when there is no engine.
pub fn transcribe(options: &Transcribe, say: &Say, load: Loader) -> Result<u8, CommandError> {
    check(options)?;
    let formats = formats(options);
    let output = output(options, &formats)?;
    let plan = inputs::plan(&options.inputs, &output, &formats).map_err(|error| wrong_input(&error))?;
    let policy = options.operation.apply(options.limits.policy());
    let (overwrite, http) = (options.overwrite.into(), options.operation.http.clone());
    let order = Order { plan, formats, overwrite, engine: options.engine_options(), policy, http };
    carry_out(&order, say, load)
}

/// What no option can tell alone.
fn check(options: &Transcribe) -> Result<(), CommandError> {
    let vad = &options.recognition.vad;
    let wrong = |text: &str| Err(CommandError::Usage(text.to_owned()));
    if vad.vad_negative_threshold.is_some_and(|end| end > vad.vad_threshold) {
        return wrong("--vad-negative-threshold must not be above --vad-threshold");
    }
    if f64::from(vad.vad_min_speech) > vad.vad_max_speech * 1000.0 {
        return wrong(
            "--vad-min-speech must not be above --vad-max-speech, or every stretch of speech is dropped",
        );
    }
    let named = options.output.as_deref().filter(|path| !path.is_dir());
    let ending = named.and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    match ending.and_then(|ending| ending.parse::<Format>().ok()) {
        None => Ok(()),
        Some(format) => Err(CommandError::Usage(format!(
            "-o names a folder; to write one file: verbatim transcribe FILE --formats {format} > FILE.{format}"
        ))),
    }
}

/// The formats that are asked for, each once.
fn formats(options: &Transcribe) -> Vec<Format> {
    if options.formats.is_empty() {
        return if options.output.is_some() { Format::ALL.to_vec() } else { vec![Format::Txt] };
    }
    let mut formats = options.formats.clone();
    formats.sort_unstable();
    formats.dedup();
    formats
}

fn output(options: &Transcribe, formats: &[Format]) -> Result<Output, CommandError> {
    match (&options.output, formats) {
        (Some(folder), _) => Ok(Output::Folder(folder.clone())),
        (None, [format]) => Ok(Output::Stdout(*format)),
        (None, _) => Err(CommandError::Usage(
            "standard output takes one format: name one with --formats, or a folder with -o".to_owned(),
        )),
    }
}

/// File names may hold anything: they are shown escaped.
fn wrong_input(error: &InputError) -> CommandError {
    if let InputError::Spool(_) = error {
        return CommandError::configuration(error);
    }
    CommandError::Usage(match error {
        InputError::Names(NameError::Collision { first, second, target }) => format!(
            "{} and {} would both be written to {}: rename one, or transcribe them into two folders",
            Shown(first),
            Shown(second),
            Shown(target)
        ),
        InputError::Names(NameError::OverRecording { recording }) => format!(
            "a transcript would be written over the recording {}: name another folder with -o",
            Shown(recording)
        ),
        _ => verbatim_text::error_chain(error),
    })
}
