//! The plan of a run: its recordings, and where each transcript goes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use verbatim_crds::destination::Format;
use verbatim_ledger::plan::LeftOut;
use verbatim_protocol::failure::Failure;
use verbatim_protocol::task::FileOverrides;

use super::piped_input::PipedInput;

/// The work of a run, in order.
#[derive(Debug, Default)]
pub struct Plan {
    /// The recordings.
    pub recordings: Vec<Recording>,
    /// Counts of what was left out while the recordings were looked for.
    pub left_out: LeftOut,
    /// Copies of piped recordings, which live as long as the plan.
    pub piped: Vec<PipedInput>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Path of its bytes.
    pub path: PathBuf,
    /// Name for people.
    pub name: PathBuf,
    /// Size in bytes, as the file system gave it; 0 where unknown.
    pub bytes: u64,
    /// Destination of its transcript.
    pub target: Target,
    /// Reason why it cannot be read, where that is known already.
    pub failure: Option<Failure>,
    /// Settings from a list, for this recording only.
    pub overrides: FileOverrides,
}

/// Destination of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output, in one format.
    Stdout(Format),
    /// Files of one name, with the extension of each format.
    Files {
        /// The folder.
        folder: PathBuf,
        /// The name without the extension.
        stem: OsString,
    },
}

impl Target {
    /// The file of a format; none for standard output.
    pub fn path(&self, format: Format) -> Option<PathBuf> {
        match self {
            Self::Stdout(_) => None,
            Self::Files { folder, stem } => {
                let mut name = stem.clone();
                name.push(".");
                name.push(format.extension());
                Some(folder.join(name))
            }
        }
    }
}

/// Identity of a file: its folder with all links resolved, and its own name. A link to a recording is a
/// recording of its own.
pub fn identity(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
