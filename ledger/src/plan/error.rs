//! Why there is no plan.

use std::io;

use verbatim_store::StoreError;

use super::patterns::PatternError;

/// Why no plan can be made, or what was made cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A place cannot be listed.
    #[error("failed to list {place}")]
    List {
        /// Address of the place.
        place: String,
        /// Why.
        source: StoreError,
    },
    /// A recording that the job names cannot be looked at, for another reason than that it is not there.
    #[error("failed to look at {recording}")]
    Look {
        /// Address of the recording.
        recording: String,
        /// Why.
        source: StoreError,
    },
    /// The list of recordings (`spec.source.manifest`) cannot be read.
    #[error("spec.source.manifest: failed to read {list}")]
    Manifest {
        /// Address of the list.
        list: String,
        /// Why.
        source: StoreError,
    },
    /// A line of the list of recordings says nothing that can be used.
    #[error("{list}, line {line}: {problem}")]
    Line {
        /// Address of the list.
        list: String,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// A name of `spec.source.keys` cannot be used.
    #[error("spec.source.keys[{index}]: {problem}")]
    Key {
        /// Which of them, from 0.
        index: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// A pattern of `include` or `exclude` has no meaning.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Two recordings would have one transcript.
    #[error("{first} and {second} would both be written to {target}.*")]
    Collision {
        /// Address of one recording.
        first: String,
        /// Address of the other.
        second: String,
        /// Address of the transcript, without the ending of a format.
        target: String,
    },
    /// A transcript would be written over a recording.
    #[error("the transcript of {of} would be written over the recording {recording}")]
    OverRecording {
        /// Address of the recording that would be lost.
        recording: String,
        /// Address of the recording whose transcript it would be.
        of: String,
    },
    /// More recordings than a plan can have.
    #[error("more than {most} recordings: make several jobs of them")]
    TooMany {
        /// Most that a plan can have.
        most: u64,
    },
    /// What was listed cannot be kept in the folder for temporary files.
    #[error("failed to keep what was listed in the folder for temporary files")]
    Spool(#[source] io::Error),
    /// A shard cannot be written.
    #[error("failed to write {shard}")]
    Write {
        /// Address of the shard.
        shard: String,
        /// Why.
        source: StoreError,
    },
    /// A plan that another version of Verbatim made.
    #[error("the plan has layout {found}, and this version of verbatim knows layout {known}")]
    Version {
        /// The plan's.
        found: u64,
        /// This version's.
        known: u32,
    },
    /// A plan or shard that cannot have been written by Verbatim.
    #[error("{what} is damaged: {problem}")]
    Damaged {
        /// Plan or shard, and the line of it.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl PlanError {
    /// The store's own error, where one is the reason: whether another try may help is its to say.
    pub fn store(&self) -> Option<&StoreError> {
        match self {
            Self::List { source, .. }
            | Self::Look { source, .. }
            | Self::Manifest { source, .. }
            | Self::Write { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Whether it is the configuration that is wrong: another try would end the same.
    pub fn is_configuration(&self) -> bool {
        match (self, self.store()) {
            (_, Some(error)) => error.kind.is_configuration() || error.is_not_found(),
            (Self::Spool(_), None) => false,
            _ => true,
        }
    }
}

/// What is wrong with a line of a list of recordings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// A name that leads out of the source.
    #[error("{0:?} leads out of the source: write names from the prefix or the folder on")]
    Outside(String),
    /// No name.
    #[error("it names no recording")]
    NoName,
    /// A name that no store takes.
    #[error("the name has more than {0} bytes")]
    LongName(usize),
    /// More than a line may have.
    #[error("it has more than {0} bytes")]
    LongLine(usize),
    /// Bytes that are not text.
    #[error("it is not text in UTF-8")]
    NotText,
    /// Not JSON, or not of the right form.
    #[error("it is not as {{\"key\": \"a.wav\"}}: {0}")]
    Json(String),
    /// Not CSV.
    #[error("it is not CSV: {0}")]
    Csv(String),
    /// A CSV list whose header lacks the column of names.
    #[error("the header has no column `key`")]
    NoKeyColumn,
    /// Not the number of a channel.
    #[error("{0:?} is not the number of a channel: they count from 0")]
    Channel(String),
    /// Not a language's code.
    #[error("{0:?} is not a language code, as en or pt-BR")]
    Language(String),
    /// An id that is too long to carry along.
    #[error("the id has more than {0} bytes")]
    LongId(usize),
}
