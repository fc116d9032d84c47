//! The list of what a run has to do, made before any work.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::local::spool::Spool;
use crate::local::walk::Found;
use crate::output::format::Format;
use verbatim_protocol::failure::Failure;
use verbatim_protocol::task::FileOverrides;

/// What a run has to do, in order.
#[derive(Debug, Default)]
pub struct Plan {
    /// The recordings.
    pub items: Vec<Item>,
    /// What was left out while the recordings were looked for.
    pub left_out: LeftOut,
    /// Files that live as long as the plan.
    pub spools: Vec<Spool>,
}

/// What was left out while the recordings were looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Files that are not audio.
    pub not_audio: usize,
    /// Files and folders whose names begin with a dot.
    pub hidden: usize,
    /// Links that lead to a folder that they are in.
    pub loops: usize,
    /// Files that patterns leave out.
    pub excluded: usize,
    /// Recordings that were named a second time.
    pub twice: usize,
}

impl LeftOut {
    /// Adds what a walk left out.
    pub fn add(&mut self, found: &Found) {
        self.not_audio += found.not_audio;
        self.hidden += found.hidden;
        self.loops += found.loops;
        self.excluded += found.excluded;
    }
}

/// A recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Where its bytes are.
    pub path: PathBuf,
    /// How people know it.
    pub name: PathBuf,
    /// Size in bytes as the file system told; 0 where unknown.
    pub bytes: u64,
    /// Where its transcript goes.
    pub target: Target,
    /// Why it cannot be read, where that is known already.
    pub failure: Option<Failure>,
    /// What a list wishes for it alone.
    pub overrides: FileOverrides,
}

/// Where a transcript goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output, in one format.
    Stdout(Format),
    /// Files of one name and the ending of each format.
    Files {
        /// The folder.
        folder: PathBuf,
        /// The name without an ending.
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

/// Why transcripts cannot be named.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two recordings would have one transcript.
    #[error("two recordings would be written to the same file")]
    Collision {
        /// One recording.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The file.
        target: PathBuf,
    },
    /// A transcript would be written over a recording.
    #[error("a transcript would be written over a recording")]
    OverRecording {
        /// The recording.
        recording: PathBuf,
    },
}

/// Names the transcripts of recordings, given the folder and file name that each would keep.
///
/// `calls/a.wav` becomes `calls/a.json`, as whisper's tools and players of subtitles have it. Recordings of one folder
/// that differ in nothing but the ending keep it, all of them: `a.wav.json` and `a.mp3.json`.
///
/// # Errors
/// [`NameError::Collision`] for recordings whose whole names are the same.
pub fn name_targets(places: &[(PathBuf, PathBuf, OsString)]) -> Result<Vec<Target>, NameError> {
    let mut uses: HashMap<(&Path, &OsStr), usize> = HashMap::new();
    for (_, folder, file) in places {
        *uses.entry((folder, stem_of(file))).or_default() += 1;
    }
    let mut owners: HashMap<(PathBuf, OsString), &PathBuf> = HashMap::new();
    let mut targets = Vec::with_capacity(places.len());
    for (recording, folder, file) in places {
        let shared = uses.get(&(folder.as_path(), stem_of(file))).is_some_and(|uses| *uses > 1);
        let stem = if shared { file.clone() } else { stem_of(file).to_owned() };
        let target = Target::Files { folder: folder.clone(), stem: stem.clone() };
        if let Some(first) = owners.insert((folder.clone(), stem), recording) {
            let path = target.path(Format::Json).unwrap_or_default();
            return Err(NameError::Collision {
                first: first.clone(),
                second: recording.clone(),
                target: path,
            });
        }
        targets.push(target);
    }
    Ok(targets)
}

/// Finds a transcript that would be written over a recording: `talk.json`, named as a recording, with `-o .`.
///
/// # Errors
/// [`NameError::OverRecording`].
pub fn spare_recordings(items: &[Item], formats: &[Format]) -> Result<(), NameError> {
    let recordings: HashSet<PathBuf> = items.iter().map(|item| identity(&item.path)).collect();
    for item in items {
        for path in formats.iter().filter_map(|format| item.target.path(*format)) {
            // Most transcripts are not there yet, and then they are no recording.
            if path.exists() && recordings.contains(&identity(&path)) {
                return Err(NameError::OverRecording { recording: path });
            }
        }
    }
    Ok(())
}

/// What tells one file from another: its folder with all links followed, and its own name. A link to a recording is
/// a recording of its own.
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

fn stem_of(file: &OsStr) -> &OsStr {
    Path::new(file).file_stem().unwrap_or(file)
}
