//! What can be wrong with a manifest, in words that say what to do.

use std::{fmt, path::PathBuf};

use crate::{manifest::suggest::Suggestion, validation_error::ValidationError};

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not text.
    #[error("the manifest is not text: byte {at} is not UTF-8")]
    NotText {
        /// Position of the first wrong byte, from 0.
        at: usize,
    },
    /// The text is too long.
    #[error("the manifest has more than {limit} bytes")]
    TooLarge {
        /// Most bytes.
        limit: usize,
    },
    /// The text nests too deep, has too many values, or grows too much where it repeats parts of itself.
    #[error("the manifest is too complex: {message}")]
    TooComplex {
        /// Which limit it passes.
        message: String,
    },
    /// The text is neither YAML nor JSON.
    #[error("the manifest is not valid YAML: {}{message}", at(*line, *column))]
    Syntax {
        /// Line, from 1; 0 where unknown.
        line: u64,
        /// Column, from 1; 0 where unknown.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// No document is a TranscriptionJob.
    #[error("the manifest has no TranscriptionJob{}", found(kinds))]
    NoJob {
        /// The kinds that are there.
        kinds: Vec<String>,
    },
    /// Several documents are TranscriptionJobs, and a run does one.
    #[error("the manifest has {} TranscriptionJobs, and a run takes one: they begin at lines {}", lines.len(), join(lines))]
    SeveralJobs {
        /// Lines that they begin at.
        lines: Vec<u64>,
    },
    /// Fields are wrong.
    #[error("{}", list(problems))]
    Invalid {
        /// What is wrong, in the order of the text; never empty.
        problems: Vec<Problem>,
    },
    /// A value passes the schema and has no meaning all the same.
    #[error("failed to read the TranscriptionJob")]
    Unreadable {
        /// Why.
        source: serde_json::Error,
    },
}

/// One thing that is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The field, as `spec.destination.formats[1]`; empty for the document itself.
    pub path: String,
    /// Line, from 1; 0 where unknown.
    pub line: u64,
    /// Column, from 1; 0 where unknown.
    pub column: u64,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&at(self.line, self.column))?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.kind)
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProblemKind {
    /// There is no such field.
    #[error("unknown field{0}")]
    UnknownField(Suggestion),
    /// The field is needed.
    #[error("missing")]
    Missing,
    /// The value is of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What was expected, with its article.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The value is none of those that the field takes.
    #[error("unknown value {value:?}{suggestion}")]
    UnknownValue {
        /// What is there.
        value: String,
        /// What may be there.
        suggestion: Suggestion,
    },
    /// The text has another form.
    #[error("{value:?} does not fit: write {hint}")]
    BadText {
        /// What is there.
        value: String,
        /// What to write.
        hint: String,
    },
    /// The number, or the number of entries or characters, is too small.
    #[error("{found} is too small: the least is {least}")]
    TooSmall {
        /// What is there.
        found: String,
        /// The least that is allowed.
        least: String,
    },
    /// The number, or the number of entries or characters, is too large.
    #[error("{found} is too large: the most is {most}")]
    TooLarge {
        /// What is there.
        found: String,
        /// The most that is allowed.
        most: String,
    },
    /// The entry of a set is there already.
    #[error("is there twice")]
    Repeated,
    /// `apiVersion` is another.
    #[error("expected {expected:?}, found {found:?}")]
    WrongApiVersion {
        /// The one that there is.
        expected: String,
        /// What is there.
        found: String,
    },
    /// `kind` is another.
    #[error("expected {expected:?}, found {found:?}")]
    WrongKind {
        /// The one that there is.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Each field is right by itself, and together they are not.
    #[error(transparent)]
    Validation(#[from] ValidationError),
}

fn at(line: u64, column: u64) -> String {
    match (line, column) {
        (0, _) => String::new(),
        (line, 0) => format!("line {line}: "),
        (line, column) => format!("line {line}, column {column}: "),
    }
}

fn found(kinds: &[String]) -> String {
    if kinds.is_empty() { ": it is empty".to_owned() } else { format!(", only {}", kinds.join(", ")) }
}

fn join(lines: &[u64]) -> String {
    lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// One problem in a line; several as a list, one to a line.
fn list(problems: &[Problem]) -> String {
    match problems {
        [problem] => problem.to_string(),
        problems => {
            let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            format!("{} problems:{lines}", problems.len())
        }
    }
}
