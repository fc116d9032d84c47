//! The plan of a TranscriptionJob over folders.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::{Format, Layout};
use verbatim_crds::path::{self, PathError};
use verbatim_ledger::plan::list::{self, ListEntry, ListError};
use verbatim_ledger::plan::patterns::{PatternError, Patterns};
use verbatim_ledger::plan::{LeftOut, LineProblem};
use verbatim_protocol::task::FileOverrides;

use super::plan::{Plan, Recording, Target, identity};
use super::targets::{TargetError, name_targets};
use super::walk::{FoundFile, read_failure, walk};
use crate::engine_options::ModelError;

/// Why a job cannot run on this machine.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The recordings are in S3.
    #[error("spec.source.s3: `verbatim run` works on folders; write spec.source.file")]
    SourceInS3,
    /// The transcripts would go to S3.
    #[error("spec.destination.s3: `verbatim run` works on folders; write spec.destination.file")]
    DestinationInS3,
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A path is invalid.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A pattern is invalid.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The source does not exist or cannot be read.
    #[error("spec.source.file: failed to read {path:?}")]
    Source {
        /// Folder or file.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// The list of recordings does not exist or cannot be read.
    #[error("spec.source.manifest: failed to read {path:?}")]
    List {
        /// The list.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// A line of the list is invalid.
    #[error("spec.source.manifest: {path:?}, line {line}: {problem}")]
    Line {
        /// The list.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// Reason.
        problem: LineProblem,
    },
    /// Transcripts cannot be named.
    #[error(transparent)]
    Targets(#[from] TargetError),
}

/// Lists the source and names the transcripts. `base` is the manifest's folder.
///
/// # Errors
/// [`JobError`]. A recording that is listed by name and missing is no error: it fails.
pub fn plan(spec: &TranscriptionJobSpec, base: &Path) -> Result<Plan, JobError> {
    let source = spec.source.file.as_ref().ok_or(JobError::SourceInS3)?;
    let place = source.resolve(base)?;
    let destination = match (&spec.destination.file, spec.destination.layout) {
        (Some(file), _) => Some(file.resolve(base)?),
        (None, Layout::Adjacent) => None,
        (None, _) => return Err(JobError::DestinationInS3),
    };
    let metadata = fs::metadata(&place).map_err(|source| JobError::Source { path: place.clone(), source })?;
    // A source of one file is its folder with one key.
    let (folder, only) = match (metadata.is_dir(), place.parent(), place.file_name()) {
        (false, Some(folder), Some(name)) => (folder.to_owned(), Some(PathBuf::from(name))),
        _ => (place, None),
    };
    let mut left_out = LeftOut::default();
    let names = match (&spec.source.keys, &spec.source.manifest, only) {
        (Some(keys), ..) => {
            Some(keys.iter().map(|key| (PathBuf::from(key), FileOverrides::default())).collect())
        }
        (None, Some(list), _) => Some(read_list(&path::resolve(&list.key, base)?)?),
        (None, None, Some(only)) => Some(vec![(only, FileOverrides::default())]),
        (None, None, None) => None,
    };
    let found = match names {
        Some(names) => find_named(&folder, names, &mut left_out),
        None => {
            let patterns = Patterns::new(&source.include, &source.exclude)?;
            let choose = |below: &Path| patterns.select(&below.to_string_lossy());
            let found = walk(&folder, &choose, &mut left_out);
            found.into_iter().map(|file| (file, FileOverrides::default())).collect()
        }
    };
    let (mut recordings, mut places) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
    for (FoundFile { path, bytes, failure }, overrides) in found {
        let name = path.strip_prefix(&folder).unwrap_or(&path).to_owned();
        places.push(place_of(&name, destination.as_deref().unwrap_or(&folder), spec.destination.layout));
        let target = Target::Stdout(Format::Txt);
        recordings.push(Recording { path, name, bytes, target, failure, overrides });
    }
    name_targets(&mut recordings, places, &spec.destination.formats)?;
    Ok(Plan { recordings, left_out, piped: Vec::new() })
}

/// The recordings of a list, each name once.
fn find_named(
    folder: &Path,
    names: Vec<(PathBuf, FileOverrides)>,
    left_out: &mut LeftOut,
) -> Vec<(FoundFile, FileOverrides)> {
    let mut seen = HashSet::new();
    let mut found = Vec::with_capacity(names.len());
    for (name, overrides) in names {
        let path = folder.join(name);
        if !seen.insert(identity(&path)) {
            left_out.twice += 1;
            continue;
        }
        let (bytes, failure) = match fs::metadata(&path) {
            Ok(metadata) => (metadata.len(), None),
            Err(error) => (0, Some(read_failure(&error))),
        };
        found.push((FoundFile { path, bytes, failure }, overrides));
    }
    found
}

/// The names in a list, each with its overrides.
fn read_list(path: &Path) -> Result<Vec<(PathBuf, FileOverrides)>, JobError> {
    let unread = |source| JobError::List { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unread)?;
    let mut names = Vec::new();
    list::read(&path.to_string_lossy(), BufReader::new(file), &mut |_, entry: ListEntry| {
        let overrides = FileOverrides { channel: entry.channel, language: entry.language };
        names.push((PathBuf::from(entry.name), overrides));
        Ok(())
    })
    .map_err(|error| match error {
        ListError::Io(source) => unread(source),
        ListError::Line(line, problem) => JobError::Line { path: path.to_owned(), line, problem },
    })?;
    Ok(names)
}

/// The folder of a recording's transcript, and the file name that the transcript follows.
fn place_of(name: &Path, destination: &Path, layout: Layout) -> (PathBuf, OsString) {
    let inner = match layout {
        Layout::Flat => Path::new(""),
        Layout::Mirror | Layout::Adjacent => name.parent().unwrap_or(Path::new("")),
    };
    (destination.join(inner), name.file_name().unwrap_or(name.as_os_str()).to_owned())
}
