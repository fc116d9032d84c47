//! Errors of plans.

use std::io;

use verbatim_store::StoreError;

use super::patterns::PatternError;

/// Error while a plan is made or read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Failed to list a location.
    #[error("failed to list {location}")]
    List {
        /// Address of the location.
        location: String,
        /// Cause.
        source: StoreError,
    },
    /// Failed to find the version of an explicitly named recording. A missing recording is not an error.
    #[error("failed to read the metadata of {recording}")]
    Head {
        /// Address of the recording.
        recording: String,
        /// Cause.
        source: StoreError,
    },
    /// Failed to read the list of recordings (`spec.source.manifest`).
    #[error("spec.source.manifest: failed to read {list}")]
    Manifest {
        /// Address of the list.
        list: String,
        /// Cause.
        source: StoreError,
    },
    /// Invalid line of the list of recordings.
    #[error("{list}, line {line}: {problem}")]
    Line {
        /// Address of the list.
        list: String,
        /// Number of the line, from 1.
        line: u64,
        /// Problem.
        problem: LineProblem,
    },
    /// Invalid name in `spec.source.keys`.
    #[error("spec.source.keys[{index}]: {problem}")]
    Key {
        /// Index of the name, from 0.
        index: usize,
        /// Problem.
        problem: LineProblem,
    },
    /// Invalid pattern of `include` or `exclude`.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Two recordings with the same transcript.
    #[error("{first} and {second} would both be written to {target}.*")]
    Collision {
        /// Address of one recording.
        first: String,
        /// Address of the other.
        second: String,
        /// Address of the transcript, without a format's extension.
        target: String,
    },
    /// A transcript that would overwrite a recording.
    #[error("the transcript of {of} would overwrite the recording {recording}")]
    OverRecording {
        /// Address of the recording to be overwritten.
        recording: String,
        /// Address of the recording of the transcript.
        of: String,
    },
    /// Too many recordings.
    #[error("more than {most} recordings: split them into several jobs")]
    TooMany {
        /// Most recordings of a plan.
        most: u64,
    },
    /// Failed to use temporary files.
    #[error("failed to write the listing to the folder for temporary files")]
    TemporaryFile(#[source] io::Error),
    /// Failed to write a shard.
    #[error("failed to write {shard}")]
    Write {
        /// Address of the shard.
        shard: String,
        /// Cause.
        source: StoreError,
    },
    /// A plan of another version of Verbatim.
    #[error("the plan has version {found}, but this version of verbatim supports version {known}")]
    Version {
        /// Version of the plan.
        found: u64,
        /// Supported version.
        known: u32,
    },
    /// A plan or shard that Verbatim cannot have written.
    #[error("{what} is damaged: {problem}")]
    Damaged {
        /// The plan, or the shard and line.
        what: String,
        /// Problem.
        problem: String,
    },
}

impl PlanError {
    /// The error of the store, if it is the cause; it knows whether a retry may help.
    pub fn store(&self) -> Option<&StoreError> {
        match self {
            Self::List { source, .. }
            | Self::Head { source, .. }
            | Self::Manifest { source, .. }
            | Self::Write { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Whether the configuration is wrong, so that a retry is pointless.
    pub fn is_configuration(&self) -> bool {
        match (self, self.store()) {
            (_, Some(error)) => error.kind.is_configuration() || error.is_not_found(),
            (Self::TemporaryFile(_), None) => false,
            _ => true,
        }
    }
}

/// Problem of a line in a list of recordings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Name outside the source.
    #[error("{0:?} leads out of the source: write names from the prefix or the folder on")]
    Outside(String),
    /// Missing name.
    #[error("it names no recording")]
    NoName,
    /// Name that no store supports.
    #[error("the name has more than {0} bytes")]
    LongName(usize),
    /// Line that is too long.
    #[error("it has more than {0} bytes")]
    LongLine(usize),
    /// Bytes that are not UTF-8.
    #[error("it is not text in UTF-8")]
    NotText,
    /// Invalid JSON, or JSON of another form.
    #[error("it is not JSON such as {{\"key\": \"a.wav\"}}: {0}")]
    Json(String),
    /// Invalid CSV.
    #[error("it is not CSV: {0}")]
    Csv(String),
    /// CSV header without the column of names.
    #[error("the header has no column `key`")]
    NoKeyColumn,
    /// Invalid channel number.
    #[error("{0:?} is not a channel number: the first channel is 0")]
    Channel(String),
    /// Invalid language code.
    #[error("{0:?} is not a language code such as en or pt-BR")]
    Language(String),
    /// ID that is too long.
    #[error("the id has more than {0} bytes")]
    LongId(usize),
}
