//! A TranscriptionJob becomes a plan for this machine.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs,
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use verbatim_crds::{
    TranscriptionJobSpec,
    destination::{self, Layout},
    path::PathError,
    recognition::Channels,
};
use verbatim_ledger::plan::LineProblem;
use verbatim_ledger::plan::list::{self, ListEntry, ListError};
use verbatim_ledger::plan::patterns::{PatternError, Patterns};

use crate::local::done::Overwrite;
use crate::local::plan::{Item, LeftOut, NameError, Plan, Target, identity, name_targets, spare_recordings};
use crate::local::walk;
use crate::local::walk::{Recording, read_failure};
use verbatim_protocol::options::{DEFAULT_MAX_AUDIO_SECONDS, Device, EngineOptions, VadOptions};
use verbatim_protocol::task::{ChannelMode, FileOverrides};

/// Why a job cannot be done on this machine.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The recordings are in S3.
    #[error("spec.source.s3: `verbatim run` works on folders; write spec.source.file")]
    SourceInS3,
    /// The transcripts would go to S3.
    #[error("spec.destination.s3: `verbatim run` works on folders; write spec.destination.file")]
    DestinationInS3,
    /// The model is in S3.
    #[error("spec.model.uri: `verbatim run` takes models from folders; write a name or file:///FOLDER")]
    ModelInS3,
    /// A path has no meaning here.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A pattern has no meaning.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The source is not there.
    #[error("spec.source.file: failed to read {path:?}")]
    Source {
        /// Folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The list of recordings is not there, or not text.
    #[error("spec.source.manifest: failed to read {path:?}")]
    List {
        /// The list.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of the list says nothing that can be used.
    #[error("spec.source.manifest: {path:?}, line {line}: {problem}")]
    Line {
        /// The list.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// Transcripts cannot be named.
    #[error(transparent)]
    Names(#[from] NameError),
}

/// What the engine has to be for a job.
///
/// # Errors
/// [`JobError::ModelInS3`] and [`JobError::Path`].
pub fn engine_options(
    spec: &TranscriptionJobSpec,
    base: &Path,
    device: Device,
    threads: usize,
) -> Result<EngineOptions, JobError> {
    let recognition = &spec.recognition;
    let vad = &recognition.vad;
    let model = match (&spec.model.name, &spec.model.uri) {
        (Some(name), _) => name.clone(),
        (None, Some(uri)) if uri.starts_with("s3://") => return Err(JobError::ModelInS3),
        (None, Some(uri)) => verbatim_crds::path::resolve(uri, base)?.to_string_lossy().into_owned(),
        (None, None) => verbatim_crds::model::DEFAULT_MODEL.to_owned(),
    };
    Ok(EngineOptions {
        model,
        language: recognition.language.clone(),
        device,
        channels: match recognition.channels {
            Channels::Mix => ChannelMode::Mix,
            Channels::Split => ChannelMode::Split,
        },
        threads,
        max_padded_seconds: f64::from(spec.batching.max_padded_seconds),
        max_audio_seconds: DEFAULT_MAX_AUDIO_SECONDS,
        vad: VadOptions {
            threshold: vad.threshold,
            negative_threshold: vad.negative_threshold,
            min_speech_milliseconds: vad.min_speech_milliseconds,
            min_silence_milliseconds: vad.min_silence_milliseconds,
            speech_pad_milliseconds: vad.speech_pad_milliseconds,
            max_speech_seconds: vad.max_speech_seconds,
        },
    })
}

/// What a job wants done where a transcript is there already.
pub fn overwrite(spec: &TranscriptionJobSpec) -> Overwrite {
    match spec.destination.overwrite {
        destination::Overwrite::IfStale => Overwrite::IfStale,
        destination::Overwrite::Never => Overwrite::Never,
        destination::Overwrite::Always => Overwrite::Always,
    }
}

/// Lists the source, and says where each transcript goes. `base` is the manifest's folder.
///
/// # Errors
/// [`JobError`]. A recording that is listed by name and not there is no error: it becomes an item that fails.
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
        (None, Some(list), _) => Some(read_list(&verbatim_crds::path::resolve(&list.key, base)?)?),
        (None, None, Some(only)) => Some(vec![(only, FileOverrides::default())]),
        (None, None, None) => None,
    };
    let recordings = match names {
        Some(names) => named(&folder, names, &mut left_out),
        None => {
            let patterns = Patterns::new(&source.include, &source.exclude)?;
            let found = walk::walk(&folder, &|below| patterns.select(&below.to_string_lossy()));
            left_out.add(&found);
            found.recordings.into_iter().map(|recording| (recording, FileOverrides::default())).collect()
        }
    };
    let items = place_all(&folder, recordings, destination.as_deref(), spec.destination.layout)?;
    spare_recordings(&items, &spec.destination.formats)?;
    Ok(Plan { items, left_out, spools: Vec::new() })
}

/// The recordings of a list; each name once.
fn named(
    folder: &Path,
    names: Vec<(PathBuf, FileOverrides)>,
    left_out: &mut LeftOut,
) -> Vec<(Recording, FileOverrides)> {
    let mut seen = HashSet::new();
    let mut recordings = Vec::with_capacity(names.len());
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
        recordings.push((Recording { path, bytes, failure }, overrides));
    }
    recordings
}

/// What a list names, and what it wishes for each.
fn read_list(path: &Path) -> Result<Vec<(PathBuf, FileOverrides)>, JobError> {
    let unread = |source| JobError::List { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unread)?;
    let mut names = Vec::new();
    list::read(&path.to_string_lossy(), BufReader::new(file), &mut |_, entry: ListEntry| {
        names.push((
            PathBuf::from(entry.name),
            FileOverrides { channel: entry.channel, language: entry.language },
        ));
        Ok(())
    })
    .map_err(|error| match error {
        ListError::Io(source) => unread(source),
        ListError::Line(line, problem) => JobError::Line { path: path.to_owned(), line, problem },
    })?;
    Ok(names)
}

/// Says where each transcript goes. Without a destination they go beside their recordings.
fn place_all(
    folder: &Path,
    recordings: Vec<(Recording, FileOverrides)>,
    destination: Option<&Path>,
    layout: Layout,
) -> Result<Vec<Item>, JobError> {
    let names: Vec<PathBuf> = recordings
        .iter()
        .map(|(recording, _)| recording.path.strip_prefix(folder).unwrap_or(&recording.path).to_owned())
        .collect();
    let places: Vec<(PathBuf, PathBuf, OsString)> = names
        .iter()
        .map(|name| {
            let inner = match layout {
                Layout::Flat => Path::new(""),
                Layout::Mirror | Layout::Adjacent => name.parent().unwrap_or(Path::new("")),
            };
            let file = name.file_name().unwrap_or(name.as_os_str()).to_owned();
            (name.clone(), destination.unwrap_or(folder).join(inner), file)
        })
        .collect();
    let targets: Vec<Target> = name_targets(&places)?;
    let items =
        recordings.into_iter().zip(names).zip(targets).map(|(((recording, overrides), name), target)| Item {
            path: recording.path,
            name,
            bytes: recording.bytes,
            target,
            failure: recording.failure,
            overrides,
        });
    Ok(items.collect())
}
