//! Files, folders and standard input, as a person names them, become a plan.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File},
    io::{self, IsTerminal},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use crate::local::plan::{Item, LeftOut, NameError, Plan, Target, identity, name_targets, spare_recordings};
use crate::local::spool::Spool;
use crate::local::walk;
use crate::local::walk::{Selection, read_failure};
use crate::output::format::Format;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::FileOverrides;

/// What the transcript of standard input is named, without an ending.
const STDIN_STEM: &str = "stdin";

/// Where the transcripts of named inputs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To standard output, which takes one.
    Stdout(Format),
    /// Below a folder.
    Folder(PathBuf),
}

/// Why inputs make no plan.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Standard output takes one transcript.
    #[error("{count} recordings were found: say with -o FOLDER where their transcripts go")]
    ManyToStdout {
        /// Recordings found.
        count: usize,
    },
    /// Standard input is read once.
    #[error("standard input (-) is named twice")]
    StdinTwice,
    /// Nobody pipes anything in.
    #[error("standard input (-) is a terminal: pipe a recording into it, or name a file")]
    StdinIsTerminal,
    /// Standard input or a pipe cannot be kept for the engine.
    #[error("failed to store standard input in the folder for temporary files: {0}")]
    Spool(#[source] io::Error),
    /// Transcripts cannot be named.
    #[error(transparent)]
    Names(#[from] NameError),
}

/// Makes the plan of `verbatim transcribe`. Reads standard input or a pipe to its end, if one is named.
///
/// The transcripts of a folder's recordings keep its inner folders. Where it is not the only input, they are put
/// below its own name, as `cp -r` does.
///
/// # Errors
/// [`InputError`]. A file that is not there is no error: it becomes an item that fails.
pub fn plan(inputs: &[PathBuf], output: &Output, formats: &[Format]) -> Result<Plan, InputError> {
    let mut gathering = Gathering::default();
    for input in inputs {
        gathering.take(input, inputs.len() > 1)?;
    }
    let Gathering { mut items, places, left_out, spools, .. } = gathering;
    match output {
        Output::Stdout(format) if items.len() <= 1 => {
            for item in &mut items {
                item.target = Target::Stdout(*format);
            }
        }
        Output::Stdout(_) => return Err(InputError::ManyToStdout { count: items.len() }),
        Output::Folder(folder) => {
            let places: Vec<_> = items
                .iter()
                .zip(places)
                .map(|(item, (inner, file))| (item.name.clone(), folder.join(inner), file))
                .collect();
            for (item, target) in items.iter_mut().zip(name_targets(&places)?) {
                item.target = target;
            }
            spare_recordings(&items, formats)?;
        }
    }
    Ok(Plan { items, left_out, spools })
}

#[derive(Default)]
struct Gathering {
    items: Vec<Item>,
    /// Of each item: the folder below the output folder, and the file name that the transcript follows.
    places: Vec<(PathBuf, OsString)>,
    left_out: LeftOut,
    spools: Vec<Spool>,
    seen: HashSet<PathBuf>,
    stdin_taken: bool,
}

impl Gathering {
    fn take(&mut self, input: &Path, several: bool) -> Result<(), InputError> {
        if input == Path::new("-") {
            return self.take_stdin();
        }
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => self.take_folder(input, several),
            Ok(metadata) if metadata.is_file() => self.take_file(input, metadata.len(), None),
            Ok(metadata) if metadata.file_type().is_fifo() => self.take_pipe(input)?,
            Ok(_) => {
                let message = "it is neither a file nor a folder nor a pipe".to_owned();
                let failure = Failure { reason: FailureReason::NotAudio, message, position_seconds: None };
                self.take_file(input, 0, Some(failure));
            }
            Err(error) => self.take_file(input, 0, Some(read_failure(&error))),
        }
        Ok(())
    }

    fn take_stdin(&mut self) -> Result<(), InputError> {
        if std::mem::replace(&mut self.stdin_taken, true) {
            return Err(InputError::StdinTwice);
        }
        let mut stdin = io::stdin().lock();
        if stdin.is_terminal() {
            return Err(InputError::StdinIsTerminal);
        }
        let spool = Spool::fill(&mut stdin).map_err(InputError::Spool)?;
        self.take_spool(Path::new("-"), STDIN_STEM.into(), spool);
        Ok(())
    }

    /// A named pipe, as shells make for `<(command)`.
    fn take_pipe(&mut self, input: &Path) -> Result<(), InputError> {
        let spool = File::open(input).and_then(|mut pipe| Spool::fill(&mut pipe));
        let file = input.file_name().unwrap_or(STDIN_STEM.as_ref()).to_owned();
        self.take_spool(input, file, spool.map_err(InputError::Spool)?);
        Ok(())
    }

    fn take_spool(&mut self, name: &Path, file: OsString, spool: Spool) {
        self.add(spool.path(), name.to_owned(), spool.bytes(), None, (PathBuf::new(), file));
        self.spools.push(spool);
    }

    fn take_file(&mut self, input: &Path, bytes: u64, failure: Option<Failure>) {
        let file = input.file_name().unwrap_or(input.as_os_str()).to_owned();
        if self.seen.insert(identity(input)) {
            self.add(input.to_owned(), input.to_owned(), bytes, failure, (PathBuf::new(), file));
        } else {
            self.left_out.twice += 1;
        }
    }

    fn take_folder(&mut self, input: &Path, several: bool) {
        let mut found = walk::walk(input, &|_| Selection::IfAudio);
        self.left_out.add(&found);
        let prefix = if several { own_name(input) } else { PathBuf::new() };
        for recording in found.recordings.drain(..) {
            if !self.seen.insert(identity(&recording.path)) {
                self.left_out.twice += 1;
                continue;
            }
            let path = recording.path;
            let below = path.strip_prefix(input).unwrap_or(&path);
            let inner = prefix.join(below.parent().unwrap_or(Path::new("")));
            let file = below.file_name().unwrap_or(path.as_os_str()).to_owned();
            self.add(path.clone(), path, recording.bytes, recording.failure, (inner, file));
        }
    }

    fn add(
        &mut self,
        path: PathBuf,
        name: PathBuf,
        bytes: u64,
        failure: Option<Failure>,
        place: (PathBuf, OsString),
    ) {
        // Where it goes is known when all are: the plan sets it.
        let target = Target::Stdout(Format::Txt);
        self.items.push(Item { path, name, bytes, target, failure, overrides: FileOverrides::default() });
        self.places.push(place);
    }
}

/// The name of a folder, also of `.` and `..`; empty for the root.
fn own_name(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().or(whole.file_name());
    name.map(PathBuf::from).unwrap_or_default()
}
