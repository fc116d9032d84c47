//! Names of transcripts, by the rule that jobs over stores have as well. Paths need not be text.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use verbatim_crds::destination::Format;
use verbatim_ledger::plan::digest::NameDigest;
use verbatim_ledger::plan::unique_targets::{Conflict, Recordings, resolve};

use super::plan::{Recording, Target, identity};

/// Why transcripts cannot be named.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Two recordings would have one transcript.
    #[error("two recordings would be written to the same file")]
    Collision {
        /// One recording.
        first: PathBuf,
        /// The other recording.
        second: PathBuf,
        /// The file.
        target: PathBuf,
    },
    /// A transcript would replace a recording.
    #[error("a transcript would be written over a recording")]
    OverRecording {
        /// The recording.
        recording: PathBuf,
    },
}

/// Names the transcript of each recording, given the folder and the file name that it follows.
///
/// # Errors
/// [`TargetError`].
pub(super) fn name_targets(
    recordings: &mut [Recording],
    places: Vec<(PathBuf, OsString)>,
    formats: &[Format],
) -> Result<(), TargetError> {
    for (recording, (folder, file)) in recordings.iter_mut().zip(&places) {
        let stem = Path::new(file).file_stem().unwrap_or(file).to_owned();
        recording.target = Target::Files { folder: folder.clone(), stem };
    }
    let digests = recordings.iter().map(|recording| target_digest(&recording.target)).collect();
    resolve(&mut Names { recordings, places, formats, digests }).map(drop)
}

/// The recordings of a plan, with all that the rule asks about.
struct Names<'a> {
    recordings: &'a mut [Recording],
    places: Vec<(PathBuf, OsString)>,
    formats: &'a [Format],
    digests: Vec<NameDigest>,
}

impl Names<'_> {
    fn transcript(&self, index: u32, format: Format) -> PathBuf {
        self.recordings[index as usize].target.path(format).unwrap_or_default()
    }
}

impl Recordings for Names<'_> {
    type Error = TargetError;

    fn count(&self) -> u32 {
        u32::try_from(self.recordings.len()).unwrap_or(u32::MAX)
    }

    fn target(&self, index: u32) -> NameDigest {
        self.digests[index as usize]
    }

    fn keep_extension(&mut self, index: u32) -> Result<(), TargetError> {
        let index = index as usize;
        let (folder, stem) = self.places[index].clone();
        self.recordings[index].target = Target::Files { folder, stem };
        self.digests[index] = target_digest(&self.recordings[index].target);
        Ok(())
    }

    fn replaceable(&self, index: u32) -> Result<Option<NameDigest>, TargetError> {
        let path = &self.recordings[index as usize].path;
        let is_format = |extension| self.formats.iter().any(|format| extension == format.extension());
        Ok(path.extension().is_some_and(is_format).then(|| identity_digest(path)))
    }

    fn transcripts(&self, index: u32) -> Result<Vec<(Format, NameDigest)>, TargetError> {
        let paths = self.formats.iter().map(|format| (*format, self.transcript(index, *format)));
        // Most transcripts do not exist yet, and then they are no recording.
        Ok(paths
            .filter(|(_, path)| path.exists())
            .map(|(format, path)| (format, identity_digest(&path)))
            .collect())
    }

    fn refuse(&self, conflict: Conflict) -> TargetError {
        let name = |index: u32| self.recordings[index as usize].name.clone();
        match conflict {
            Conflict::Collision(first, second) => TargetError::Collision {
                first: name(first),
                second: name(second),
                target: self.transcript(first, Format::Json),
            },
            Conflict::OverRecording { of, format, .. } => {
                TargetError::OverRecording { recording: self.transcript(of, format) }
            }
        }
    }
}

/// Digest of a transcript's name. Two spellings of one folder (`a//b`, `a/./b`) have one digest.
fn target_digest(target: &Target) -> NameDigest {
    let Target::Files { folder, stem } = target else { return NameDigest::default() };
    let mut name = folder.components().collect::<PathBuf>().into_os_string();
    name.push("/");
    name.push(stem);
    NameDigest::of(name.as_encoded_bytes())
}

fn identity_digest(path: &Path) -> NameDigest {
    NameDigest::of(identity(path).as_os_str().as_encoded_bytes())
}
