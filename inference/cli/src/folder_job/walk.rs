//! The recordings below a folder, in a fixed order.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use verbatim_engine::audio::{HEAD_LEN, begins_like_audio};
use verbatim_ledger::plan::LeftOut;
use verbatim_ledger::plan::extension;
use verbatim_ledger::plan::patterns::Selection;
use verbatim_protocol::failure::{Failure, FailureReason};
use walkdir::{DirEntry, WalkDir};

/// A recording below a folder, or a part of the folder that cannot be read.
#[derive(Debug, PartialEq)]
pub(super) struct FoundFile {
    /// The path, beginning with the folder's.
    pub(super) path: PathBuf,
    /// Size in bytes; 0 where unknown.
    pub(super) bytes: u64,
    /// Reason why it cannot be read.
    pub(super) failure: Option<Failure>,
}

/// Walks a folder, following links; counts what it leaves out. The recordings are sorted by name, folder by
/// folder. `choose` gets each file's path below the folder.
pub(super) fn walk(
    folder: &Path,
    choose: &dyn Fn(&Path) -> Selection,
    left_out: &mut LeftOut,
) -> Vec<FoundFile> {
    let mut found = Vec::new();
    let mut entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) if entry.depth() > 0 && is_hidden(entry.path()) => {
                left_out.hidden += 1;
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
            }
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => found.extend(take(folder, &entry, choose, left_out)),
            Err(error) if error.loop_ancestor().is_some() => left_out.loops += 1,
            Err(error) => found.extend(unreadable(folder, &error, choose, left_out)),
        }
    }
    found
}

fn take(
    folder: &Path,
    entry: &DirEntry,
    choose: &dyn Fn(&Path) -> Selection,
    left_out: &mut LeftOut,
) -> Option<FoundFile> {
    let path = entry.path();
    let choice = choose(path.strip_prefix(folder).unwrap_or(path));
    if choice == Selection::Exclude {
        left_out.excluded += 1;
    } else if entry.file_type().is_file() && (choice == Selection::Include || looks_like_audio(path)) {
        // The engine reports a file that vanishes now.
        let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
        return Some(FoundFile { path: path.to_owned(), bytes, failure: None });
    } else {
        left_out.not_audio += 1;
    }
    None
}

/// A folder without permission, or a link to nothing. It fails as a recording, unless its name is not that of
/// audio.
fn unreadable(
    folder: &Path,
    error: &walkdir::Error,
    choose: &dyn Fn(&Path) -> Selection,
    left_out: &mut LeftOut,
) -> Option<FoundFile> {
    let path = error.path().unwrap_or(folder).to_owned();
    if is_hidden(&path) && path != folder {
        left_out.hidden += 1;
    } else if choose(path.strip_prefix(folder).unwrap_or(&path)) == Selection::Exclude {
        left_out.excluded += 1;
    } else if path.is_symlink() && !has_audio_extension(&path) {
        left_out.not_audio += 1;
    } else {
        let failure = error.io_error().map_or_else(
            || Failure {
                reason: FailureReason::ReadFailed,
                message: "the folder cannot be read".to_owned(),
                position_seconds: None,
            },
            read_failure,
        );
        return Some(FoundFile { path, bytes: 0, failure: Some(failure) });
    }
    None
}

/// An error of the file system as the failure of a recording.
pub(super) fn read_failure(error: &io::Error) -> Failure {
    let (reason, message) = match error.kind() {
        io::ErrorKind::NotFound => (FailureReason::NotFound, "there is no such file".to_owned()),
        io::ErrorKind::PermissionDenied => {
            (FailureReason::PermissionDenied, "no permission to read it".to_owned())
        }
        _ => (FailureReason::ReadFailed, format!("failed to read it: {error}")),
    };
    Failure { reason, message, position_seconds: None }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn looks_like_audio(path: &Path) -> bool {
    has_audio_extension(path) || has_audio_header(path)
}

/// By the extension alone: the rest of a name need not be UTF-8.
fn has_audio_extension(path: &Path) -> bool {
    path.file_name().is_some_and(|name| extension::has_audio_extension(&name.to_string_lossy()))
}

/// Whether the file begins as audio does, for recordings without an extension. An unreadable file is not
/// audio.
fn has_audio_header(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_LEN as u64).read_to_end(&mut head));
    read.is_ok() && begins_like_audio(&head)
}
