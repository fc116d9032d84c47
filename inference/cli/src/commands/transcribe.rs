//! `verbatim transcribe`: transcribes files and folders.

use crate::args::TranscribeArgs;
use crate::console::Console;
use crate::engine_start::EngineLoader;
use crate::error::CommandError;
use crate::escaped_path::EscapedPath;
use crate::folder_job::inputs::{self, InputError, Output, TargetError};
use crate::run_local::{LocalRun, run_local};
use verbatim_crds::destination::Format;

/// Transcribes the recordings that the arguments name. Returns the exit code.
///
/// # Errors
/// [`CommandError`] when the arguments are inconsistent or no engine starts.
pub fn transcribe(args: &TranscribeArgs, console: &Console, load: EngineLoader) -> Result<u8, CommandError> {
    check(args)?;
    let formats = formats(args);
    let output = output(args, &formats)?;
    let plan = inputs::plan(&args.inputs, &output, &formats).map_err(|error| input_error(&error))?;
    let policy = args.operation.apply(args.limits.policy());
    let (overwrite, http) = (args.overwrite.into(), args.operation.http.clone());
    let run = LocalRun { plan, formats, overwrite, engine: args.engine_options(), policy, http };
    run_local(&run, console, load)
}

/// Checks constraints between options.
fn check(args: &TranscribeArgs) -> Result<(), CommandError> {
    let vad = &args.recognition.vad;
    let usage = |text: &str| Err(CommandError::Usage(text.to_owned()));
    if vad.vad_negative_threshold.is_some_and(|end| end > vad.vad_threshold) {
        return usage("--vad-negative-threshold must not be above --vad-threshold");
    }
    if f64::from(vad.vad_min_speech) > vad.vad_max_speech * 1000.0 {
        return usage("--vad-min-speech must not be above --vad-max-speech, or all speech is dropped");
    }
    let named = args.output.as_deref().filter(|path| !path.is_dir());
    let ending = named.and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    match ending.and_then(|ending| ending.parse::<Format>().ok()) {
        None => Ok(()),
        Some(format) => Err(CommandError::Usage(format!(
            "-o names a folder; to write one file: verbatim transcribe FILE --formats {format} > FILE.{format}"
        ))),
    }
}

/// The requested formats, without duplicates.
fn formats(args: &TranscribeArgs) -> Vec<Format> {
    if args.formats.is_empty() {
        return if args.output.is_some() { Format::ALL.to_vec() } else { vec![Format::Txt] };
    }
    let mut formats = args.formats.clone();
    formats.sort_unstable();
    formats.dedup();
    formats
}

fn output(args: &TranscribeArgs, formats: &[Format]) -> Result<Output, CommandError> {
    match (&args.output, formats) {
        (Some(folder), _) => Ok(Output::Folder(folder.clone())),
        (None, [format]) => Ok(Output::Stdout(*format)),
        (None, _) => Err(CommandError::Usage(
            "standard output takes one format: choose one with --formats, or a folder with -o".to_owned(),
        )),
    }
}

/// The command's error for unusable inputs. File names can contain anything and are escaped.
fn input_error(error: &InputError) -> CommandError {
    if let InputError::Copy(_) = error {
        return CommandError::configuration(error);
    }
    CommandError::Usage(match error {
        InputError::Targets(TargetError::Collision { first, second, target }) => format!(
            "{} and {} would both be written to {}: rename one, or transcribe them into different folders",
            EscapedPath(first),
            EscapedPath(second),
            EscapedPath(target)
        ),
        InputError::Targets(TargetError::OverRecording { recording }) => format!(
            "a transcript would overwrite the recording {}: choose another folder with -o",
            EscapedPath(recording)
        ),
        _ => verbatim_text::error_chain(error),
    })
}
