//! Writes transcripts on a thread of its own: fsync takes milliseconds, and the model should not wait for
//! disks.

use std::io;
use std::sync::mpsc::Receiver;

use verbatim_crds::destination::Format;
use verbatim_files::write::{self, WriteError};
use verbatim_ledger::freshness::write_order;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::transcript::Transcript;

use super::listener::FileEvent;
use super::plan::{Recording, Target};
use super::run_input::RunInput;
use crate::output::render::{RenderError, render};

/// A transcript to write.
pub(super) struct Commit {
    /// Position of the recording in the plan.
    pub(super) id: usize,
    pub(super) transcript: Transcript,
    pub(super) formats: Vec<Format>,
    /// Whether the transcript existed, and only these formats were missing.
    pub(super) rendered: bool,
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

/// Writes transcripts until all senders are gone.
pub(super) fn write_all(input: &RunInput<'_>, commits: &Receiver<Commit>) {
    for commit in commits {
        let Some(recording) = input.recordings.get(commit.id) else { continue };
        let result = write_one(input, recording, &commit);
        let failure = result.err().map(|error| Failure {
            reason: FailureReason::WriteFailed,
            message: error.to_string(),
            position_seconds: None,
        });
        let event = match &failure {
            Some(failure) => FileEvent::Failed { failure },
            None if commit.rendered => FileEvent::Skipped { rendered: true },
            None => FileEvent::Done { transcript: &commit.transcript },
        };
        input.listener.on_event(commit.id, event);
    }
}

fn write_one(input: &RunInput<'_>, recording: &Recording, commit: &Commit) -> Result<(), CommitError> {
    if let Target::Stdout(format) = recording.target {
        return (input.stdout)(&render(&commit.transcript, format)?).map_err(CommitError::Stdout);
    }
    let mut staged = Vec::with_capacity(commit.formats.len());
    for format in write_order(&commit.formats) {
        if let Some(path) = recording.target.path(format) {
            staged.push(write::stage(&path, &render(&commit.transcript, format)?)?);
        }
    }
    Ok(write::commit(staged)?)
}
