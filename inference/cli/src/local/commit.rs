//! Writes transcripts, on a thread of its own: fsync takes milliseconds, and the model should not wait for disks.

use std::{io, sync::mpsc::Receiver};

use crate::local::plan::{Item, Target};
use crate::local::session::Run;
use crate::local::watch::Notice;
use crate::output::format::Format;
use crate::output::render::{RenderError, render};
use verbatim_files::write;
use verbatim_files::write::WriteError;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::transcript::Transcript;

/// A transcript to be written.
pub(crate) struct Work {
    /// Position of the recording in the plan.
    pub(crate) id: usize,
    pub(crate) transcript: Transcript,
    pub(crate) formats: Vec<Format>,
    /// Whether it was there already, and only these formats were not.
    pub(crate) rendered: bool,
}

/// Why a transcript was not written.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("failed to write to standard output: {0}")]
    Stdout(io::Error),
}

/// Writes what comes in until nothing can come any more.
pub(crate) fn write_all(run: &Run<'_>, work: &Receiver<Work>) {
    for work in work {
        let Some(item) = run.items.get(work.id) else { continue };
        match write_one(run, item, &work) {
            Ok(()) if work.rendered => run.watcher.notice(work.id, Notice::Skipped { rendered: true }),
            Ok(()) => run.watcher.notice(work.id, Notice::Done { transcript: &work.transcript }),
            Err(error) => {
                let failure = Failure {
                    reason: FailureReason::WriteFailed,
                    message: error.to_string(),
                    position_seconds: None,
                };
                run.watcher.notice(work.id, Notice::Failed { failure: &failure });
            }
        }
    }
}

fn write_one(run: &Run<'_>, item: &Item, work: &Work) -> Result<(), CommitError> {
    if let Target::Stdout(format) = item.target {
        return (run.stdout)(&render(&work.transcript, format)?).map_err(CommitError::Stdout);
    }
    // JSON last: where it is, the others are.
    let mut formats = work.formats.clone();
    formats.sort_by_key(|format| *format == Format::Json);
    let mut staged = Vec::with_capacity(formats.len());
    for format in formats {
        if let Some(path) = item.target.path(format) {
            staged.push(write::stage(&path, &render(&work.transcript, format)?)?);
        }
    }
    Ok(write::commit(staged)?)
}
