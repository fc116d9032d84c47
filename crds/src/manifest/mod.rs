//! A manifest's text, YAML or JSON, becomes a [`TranscriptionJob`]: no I/O but in [`load`], no clients.
//!
//! Steps: read the text within limits into a tree that knows its lines ([`tree`]), find the one TranscriptionJob
//! among its documents ([`document`]), hold it against the schema of the CRD ([`schema`]), read it, and check what
//! a schema cannot say ([`crate::validate`]). The problems of a step are reported together.

pub mod document;
pub mod error;
pub mod schema;
pub mod suggest;
pub mod tree;

use std::{fs::File, io::Read, path::Path};

pub use document::Ignored;
pub use error::{ManifestError, Problem, ProblemKind};

use crate::{TranscriptionJob, validate, validation_error::ValidationError};

/// Largest manifest in bytes. etcd takes 1.5 MB an object by default, so no job on a cluster is larger.
pub const MAX_BYTES: usize = 1 << 20;

/// A manifest that was read and found right.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The job, with all defaults filled in.
    pub job: TranscriptionJob,
    /// Documents of other kinds in the same file, which were left alone; worth a line to the person.
    pub ignored: Vec<Ignored>,
}

/// Reads a manifest's text.
///
/// # Errors
/// [`ManifestError`] says what is wrong and where; [`ManifestError::Invalid`] lists all problems of the first step
/// that found any.
pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
    if text.len() > MAX_BYTES {
        return Err(ManifestError::TooLarge { limit: MAX_BYTES });
    }
    let documents = tree::read(text)?;
    let (root, ignored) = document::choose(documents)?;
    invalid(schema::check(&root))?;
    let job = read(root.to_json())?;
    invalid(validate::validate(&job).into_iter().map(|error| located(&root, error)).collect())?;
    Ok(Manifest { job, ignored })
}

/// Reads a manifest from a file, or from standard input where `path` is `-`.
///
/// # Errors
/// As [`parse`], and [`ManifestError::Read`] or [`ManifestError::NotText`]. No more than [`MAX_BYTES`] are read.
pub fn load(path: &Path) -> Result<Manifest, ManifestError> {
    let failed = |source| ManifestError::Read { path: path.to_path_buf(), source };
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    // One byte more than allowed, so that `parse` sees that there is more.
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        return Err(ManifestError::TooLarge { limit: MAX_BYTES });
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|source| ManifestError::NotText { at: source.valid_up_to() })?;
    parse(text)
}

/// The folder that relative paths of the manifest at `path` start at: its own, or the current one for `-`.
pub fn base(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if path != Path::new("-") && !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The typed job. The schema was held to the same types, so an error here is about something that it cannot say.
fn read(json: serde_json::Value) -> Result<TranscriptionJob, ManifestError> {
    serde_json::from_value(json).map_err(|source| ManifestError::Unreadable { source })
}

fn invalid(problems: Vec<Problem>) -> Result<(), ManifestError> {
    if problems.is_empty() { Ok(()) } else { Err(ManifestError::Invalid { problems }) }
}

/// Says where a violation is: at its field, or at the nearest one around it that is written.
fn located(root: &tree::Node, error: ValidationError) -> Problem {
    let path = error.path();
    let place = root.nearest(&path);
    Problem { path, line: place.line, column: place.column, kind: ProblemKind::Validation(error) }
}

#[cfg(test)]
mod tests;
