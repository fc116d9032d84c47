//! The plan of `verbatim transcribe`: from files, folders and standard input as the command line names them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use verbatim_crds::destination::Format;
use verbatim_ledger::plan::LeftOut;
use verbatim_ledger::plan::patterns::Selection;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::FileOverrides;

use super::piped_input::PipedInput;
use super::plan::{Plan, Recording, Target, identity};
pub use super::targets::TargetError;
use super::targets::name_targets;
use super::walk::{read_failure, walk};

/// Name of the transcript of standard input, without the extension.
const STDIN_STEM: &str = "stdin";

/// Destination of the transcripts of the inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output, for one transcript.
    Stdout(Format),
    /// A folder.
    Folder(PathBuf),
}

/// Why inputs make no plan.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Several recordings for standard output.
    #[error("{count} recordings were found: say with -o FOLDER where their transcripts go")]
    ManyToStdout {
        /// Recordings found.
        count: usize,
    },
    /// Standard input is named a second time, and can be read once.
    #[error("standard input (-) is named twice")]
    StdinTwice,
    /// Standard input is not piped.
    #[error("standard input (-) is a terminal: pipe a recording into it, or name a file")]
    StdinIsTerminal,
    /// Standard input or a pipe cannot be copied for the engine.
    #[error("failed to store standard input in the folder for temporary files: {0}")]
    Copy(#[source] io::Error),
    /// Transcripts cannot be named.
    #[error(transparent)]
    Targets(#[from] TargetError),
}

/// Makes the plan. Reads standard input and pipes to their end.
///
/// The transcripts of a folder's recordings keep its subfolders. Where the folder is not the only input, they
/// go below its own name, as with `cp -r`.
///
/// # Errors
/// [`InputError`]. A missing file is no error: it becomes a recording that fails.
pub fn plan(inputs: &[PathBuf], output: &Output, formats: &[Format]) -> Result<Plan, InputError> {
    let mut collector = Collector::default();
    for input in inputs {
        collector.add_input(input, inputs.len() > 1)?;
    }
    let Collector { mut recordings, places, left_out, piped, .. } = collector;
    match output {
        Output::Stdout(format) if recordings.len() <= 1 => {
            for recording in &mut recordings {
                recording.target = Target::Stdout(*format);
            }
        }
        Output::Stdout(_) => return Err(InputError::ManyToStdout { count: recordings.len() }),
        Output::Folder(folder) => {
            let places = places.into_iter().map(|(inner, file)| (folder.join(inner), file)).collect();
            name_targets(&mut recordings, places, formats)?;
        }
    }
    Ok(Plan { recordings, left_out, piped })
}

#[derive(Default)]
struct Collector {
    recordings: Vec<Recording>,
    /// For each recording: the folder below the output folder, and the file name that the transcript follows.
    places: Vec<(PathBuf, OsString)>,
    left_out: LeftOut,
    piped: Vec<PipedInput>,
    seen: HashSet<PathBuf>,
    has_stdin: bool,
}

impl Collector {
    fn add_input(&mut self, input: &Path, several: bool) -> Result<(), InputError> {
        if input == Path::new("-") {
            return self.add_stdin();
        }
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => self.add_folder(input, several),
            Ok(metadata) if metadata.is_file() => self.add_file(input, metadata.len(), None),
            Ok(metadata) if metadata.file_type().is_fifo() => self.add_pipe(input)?,
            Ok(_) => {
                let message = "it is neither a file nor a folder nor a pipe".to_owned();
                let failure = Failure { reason: FailureReason::NotAudio, message, position_seconds: None };
                self.add_file(input, 0, Some(failure));
            }
            Err(error) => self.add_file(input, 0, Some(read_failure(&error))),
        }
        Ok(())
    }

    fn add_stdin(&mut self) -> Result<(), InputError> {
        if std::mem::replace(&mut self.has_stdin, true) {
            return Err(InputError::StdinTwice);
        }
        let mut stdin = io::stdin().lock();
        if stdin.is_terminal() {
            return Err(InputError::StdinIsTerminal);
        }
        let piped = PipedInput::copy(&mut stdin).map_err(InputError::Copy)?;
        self.add_piped(Path::new("-"), STDIN_STEM.into(), piped);
        Ok(())
    }

    /// A named pipe, as shells make one for `<(command)`.
    fn add_pipe(&mut self, input: &Path) -> Result<(), InputError> {
        let piped = File::open(input).and_then(|mut pipe| PipedInput::copy(&mut pipe));
        let file = input.file_name().unwrap_or(STDIN_STEM.as_ref()).to_owned();
        self.add_piped(input, file, piped.map_err(InputError::Copy)?);
        Ok(())
    }

    fn add_piped(&mut self, name: &Path, file: OsString, piped: PipedInput) {
        self.add(piped.path(), name.to_owned(), piped.bytes(), None, (PathBuf::new(), file));
        self.piped.push(piped);
    }

    fn add_file(&mut self, input: &Path, bytes: u64, failure: Option<Failure>) {
        let file = input.file_name().unwrap_or(input.as_os_str()).to_owned();
        if self.is_first(input) {
            self.add(input.to_owned(), input.to_owned(), bytes, failure, (PathBuf::new(), file));
        }
    }

    fn add_folder(&mut self, input: &Path, several: bool) {
        let prefix = if several { own_name(input) } else { PathBuf::new() };
        for found in walk(input, &|_| Selection::IfAudio, &mut self.left_out) {
            if !self.is_first(&found.path) {
                continue;
            }
            let below = found.path.strip_prefix(input).unwrap_or(&found.path);
            let inner = prefix.join(below.parent().unwrap_or(Path::new("")));
            let file = below.file_name().unwrap_or(found.path.as_os_str()).to_owned();
            self.add(found.path.clone(), found.path, found.bytes, found.failure, (inner, file));
        }
    }

    /// Whether a file is named for the first time; other times are counted.
    fn is_first(&mut self, path: &Path) -> bool {
        let is_first = self.seen.insert(identity(path));
        self.left_out.twice += u64::from(!is_first);
        is_first
    }

    fn add(
        &mut self,
        path: PathBuf,
        name: PathBuf,
        bytes: u64,
        failure: Option<Failure>,
        place: (PathBuf, OsString),
    ) {
        // Replaced when all recordings are known.
        let target = Target::Stdout(Format::Txt);
        let overrides = FileOverrides::default();
        self.recordings.push(Recording { path, name, bytes, target, failure, overrides });
        self.places.push(place);
    }
}

/// The name of a folder, also of `.` and `..`; empty for the root.
fn own_name(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().or(whole.file_name());
    name.map(PathBuf::from).unwrap_or_default()
}
