//! Errors of manifests, with messages that say what to do.

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
        /// Cause.
        source: std::io::Error,
    },
    /// The file is not text.
    #[error("the manifest is not text: byte {at} is not UTF-8")]
    NotText {
        /// Position of the first invalid byte, from 0.
        at: usize,
    },
    /// The text is too long.
    #[error("the manifest has more than {limit} bytes")]
    TooLarge {
        /// Maximum in bytes.
        limit: usize,
    },
    /// The text nests too deeply, has too many values, or expands too much by aliases.
    #[error("the manifest is too complex: {message}")]
    TooComplex {
        /// The exceeded limit.
        message: String,
    },
    /// The text is neither YAML nor JSON.
    #[error("the manifest is not valid YAML: {}{message}", at(*line, *column))]
    Syntax {
        /// Line, from 1; 0 where unknown.
        line: u64,
        /// Column, from 1; 0 where unknown.
        column: u64,
        /// Message of the parser.
        message: String,
    },
    /// No document is a TranscriptionJob.
    #[error("the manifest has no TranscriptionJob{}", found(kinds))]
    NoJob {
        /// Kinds of the documents.
        kinds: Vec<String>,
    },
    /// Several documents are TranscriptionJobs, but a run takes one.
    #[error("the manifest has {} TranscriptionJobs, but a run takes one: they begin at lines {}", lines.len(), join(lines))]
    SeveralJobs {
        /// First lines of the documents.
        lines: Vec<u64>,
    },
    /// Fields are invalid.
    #[error("{}", list(problems))]
    Invalid {
        /// Problems in the order of the text; never empty.
        problems: Vec<Problem>,
    },
    /// A value passes the schema but cannot be deserialized.
    #[error("failed to read the TranscriptionJob")]
    Unreadable {
        /// Cause.
        source: serde_json::Error,
    },
}

/// A problem of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Path of the field, e.g. `spec.destination.formats[1]`; empty for the document itself.
    pub path: String,
    /// Line, from 1; 0 where unknown.
    pub line: u64,
    /// Column, from 1; 0 where unknown.
    pub column: u64,
    /// Kind of the problem.
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

/// Kind of a problem.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProblemKind {
    /// The field does not exist.
    #[error("unknown field{0}")]
    UnknownField(Suggestion),
    /// The field is required.
    #[error("missing")]
    Missing,
    /// The value has another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// Expected type, with its article.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// The value is not in the field's list.
    #[error("unknown value {value:?}{suggestion}")]
    UnknownValue {
        /// The value.
        value: String,
        /// Possible values.
        suggestion: Suggestion,
    },
    /// The text has another form.
    #[error("invalid value {value:?}: write {hint}")]
    BadText {
        /// The value.
        value: String,
        /// Expected form.
        hint: String,
    },
    /// The number, or the number of entries or characters, is too small.
    #[error("{found} is too small: the minimum is {least}")]
    TooSmall {
        /// The value.
        found: String,
        /// The minimum.
        least: String,
    },
    /// The number, or the number of entries or characters, is too large.
    #[error("{found} is too large: the maximum is {most}")]
    TooLarge {
        /// The value.
        found: String,
        /// The maximum.
        most: String,
    },
    /// The entry of a set is a duplicate.
    #[error("is a duplicate")]
    Repeated,
    /// Another `apiVersion`.
    #[error("expected {expected:?}, found {found:?}")]
    WrongApiVersion {
        /// The supported one.
        expected: String,
        /// The value.
        found: String,
    },
    /// Another `kind`.
    #[error("expected {expected:?}, found {found:?}")]
    WrongKind {
        /// The supported one.
        expected: String,
        /// The value.
        found: String,
    },
    /// Fields conflict with each other.
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

/// One problem as a line, several as a list.
fn list(problems: &[Problem]) -> String {
    match problems {
        [problem] => problem.to_string(),
        problems => {
            let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            format!("{} problems:{lines}", problems.len())
        }
    }
}
