//! Parses a manifest, YAML or JSON, into a [`TranscriptionJob`]. No I/O except in [`load`], no clients.
//!
//! Steps: parse the text within limits into a tree with line numbers ([`tree`]), find the TranscriptionJob
//! among the documents ([`document`]), check it against the schema of the CRD ([`schema`]), deserialize it,
//! and check the rules that a schema cannot express ([`crate::validate`]). The problems of a step are
//! reported together.

pub mod document;
pub mod error;
pub mod schema;
pub mod suggest;
pub mod tree;

use std::{fs::File, io::Read, path::Path};

pub use document::Ignored;
pub use error::{ManifestError, Problem, ProblemKind};

use crate::{TranscriptionJob, validate, validation_error::ValidationError};

/// Largest manifest in bytes. etcd limits objects to 1.5 MB by default, so no job on a cluster is larger.
pub const MAX_BYTES: usize = 1 << 20;

/// A valid manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The job, with defaults.
    pub job: TranscriptionJob,
    /// Ignored documents of other kinds in the same file, worth a note to the user.
    pub ignored: Vec<Ignored>,
}

/// Parses a manifest.
///
/// # Errors
/// [`ManifestError`], with the position; [`ManifestError::Invalid`] lists all problems of the first step that
/// found any.
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

/// Loads a manifest from a file, or from standard input if `path` is `-`.
///
/// # Errors
/// Those of [`parse`], [`ManifestError::Read`] and [`ManifestError::NotText`]. At most [`MAX_BYTES`] are
/// read.
pub fn load(path: &Path) -> Result<Manifest, ManifestError> {
    let failed = |source| ManifestError::Read { path: path.to_path_buf(), source };
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    // One byte more than allowed, to detect larger files.
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        return Err(ManifestError::TooLarge { limit: MAX_BYTES });
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|source| ManifestError::NotText { at: source.valid_up_to() })?;
    parse(text)
}

/// Base folder of relative paths in the manifest at `path`: its own folder, or the current one for `-`.
pub fn base(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if path != Path::new("-") && !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Deserializes the job. It passed the schema of the same types, so errors concern what a schema cannot
/// express.
fn read(json: serde_json::Value) -> Result<TranscriptionJob, ManifestError> {
    serde_json::from_value(json).map_err(|source| ManifestError::Unreadable { source })
}

fn invalid(problems: Vec<Problem>) -> Result<(), ManifestError> {
    if problems.is_empty() { Ok(()) } else { Err(ManifestError::Invalid { problems }) }
}

/// Locates an error at its field, or at the nearest enclosing field in the text.
fn located(root: &tree::Node, error: ValidationError) -> Problem {
    let path = error.path();
    let position = root.nearest(&path);
    Problem { path, line: position.line, column: position.column, kind: ProblemKind::Validation(error) }
}

#[cfg(test)]
mod tests;
