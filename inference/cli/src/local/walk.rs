//! The recordings below a folder, in a fixed order.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use verbatim_ledger::plan::extension;
pub use verbatim_ledger::plan::patterns::Selection;
use walkdir::{DirEntry, WalkDir};

use verbatim_protocol::failure::{Failure, FailureReason};

/// Below a folder: what is to be transcribed, and what was left out.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// Recordings, sorted by name folder by folder; paths begin with the folder's.
    pub recordings: Vec<Recording>,
    /// Files that are not audio, and what is neither file nor folder.
    pub not_audio: usize,
    /// Files and folders whose names begin with a dot.
    pub hidden: usize,
    /// Links that lead to a folder that they are in.
    pub loops: usize,
    /// Files that the caller's patterns leave out.
    pub excluded: usize,
}

/// A recording below a folder, or a part of the folder that cannot be read.
#[derive(Debug, PartialEq)]
pub struct Recording {
    /// The path, beginning with the folder's.
    pub path: PathBuf,
    /// Size in bytes; 0 where unknown.
    pub bytes: u64,
    /// Why it cannot be read.
    pub failure: Option<Failure>,
}

/// Walks a folder, following links. `choose` gets each file's path below the folder.
pub fn walk(folder: &Path, choose: &dyn Fn(&Path) -> Selection) -> Found {
    let mut found = Found::default();
    let mut entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) if entry.depth() > 0 && is_hidden(&entry) => {
                found.hidden += 1;
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
            }
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => take(folder, &entry, choose, &mut found),
            Err(error) if error.loop_ancestor().is_some() => found.loops += 1,
            Err(error) => refuse(folder, &error, choose, &mut found),
        }
    }
    found
}

fn take(folder: &Path, entry: &DirEntry, choose: &dyn Fn(&Path) -> Selection, found: &mut Found) {
    let path = entry.path();
    let choice = choose(path.strip_prefix(folder).unwrap_or(path));
    if choice == Selection::Exclude {
        found.excluded += 1;
    } else if entry.file_type().is_file() && (choice == Selection::Include || looks_like_audio(path)) {
        // A file that vanishes now is found missing by the engine.
        let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
        found.recordings.push(Recording { path: path.to_owned(), bytes, failure: None });
    } else {
        found.not_audio += 1;
    }
}

/// What cannot be looked at: a folder without permission, a link to nowhere. Told, unless it is plainly no audio.
fn refuse(folder: &Path, error: &walkdir::Error, choose: &dyn Fn(&Path) -> Selection, found: &mut Found) {
    let path = error.path().unwrap_or(folder).to_owned();
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let is_link = path.is_symlink();
    if hidden && path != folder {
        found.hidden += 1;
    } else if choose(path.strip_prefix(folder).unwrap_or(&path)) == Selection::Exclude {
        found.excluded += 1;
    } else if is_link && !has_audio_extension(&path) {
        found.not_audio += 1;
    } else {
        let failure = match error.io_error() {
            Some(error) => read_failure(error),
            None => Failure {
                reason: FailureReason::ReadFailed,
                message: "the folder cannot be read".to_owned(),
                position_seconds: None,
            },
        };
        found.recordings.push(Recording { path, bytes: 0, failure: Some(failure) });
    }
}

/// An error of the file system as a file's failure.
pub fn read_failure(error: &io::Error) -> Failure {
    let (reason, message) = match error.kind() {
        io::ErrorKind::NotFound => (FailureReason::NotFound, "there is no such file".to_owned()),
        io::ErrorKind::PermissionDenied => {
            (FailureReason::PermissionDenied, "no permission to read it".to_owned())
        }
        _ => (FailureReason::ReadFailed, format!("failed to read it: {error}")),
    };
    Failure { reason, message, position_seconds: None }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn looks_like_audio(path: &Path) -> bool {
    has_audio_extension(path) || has_audio_header(path)
}

fn has_audio_extension(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(extension::has_audio_extension)
}

/// Whether the file begins as the common containers do: recordings without an ending are found by it. What cannot be
/// read is no audio here.
fn has_audio_header(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(12).read_to_end(&mut head));
    if read.is_err() {
        return false;
    }
    let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    let begins = [&b"fLaC"[..], b"OggS", b"ID3", b"caff", b".snd", b"\x1a\x45\xdf\xa3"];
    begins.iter().any(|magic| at(0, magic))
        || ((at(0, b"RIFF") || at(0, b"RF64")) && at(8, b"WAVE"))
        || (at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")))
        || at(4, b"ftyp")
}
