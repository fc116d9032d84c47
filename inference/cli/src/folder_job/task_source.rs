//! Source of the engine's tasks: the recordings of the plan that need the engine, in order.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use verbatim_files::write;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::FileTask;

use super::commit::Commit;
use super::freshness::{Need, need};
use super::listener::FileEvent;
use super::plan::{Recording, Target};
use super::run_input::RunInput;

/// Iterator over the tasks of a plan. Recordings that do not need the engine are answered on the way.
pub(super) struct TaskSource<'a> {
    input: &'a RunInput<'a>,
    stop: &'a AtomicBool,
    commits: SyncSender<Commit>,
    next: usize,
    /// Result of the preparation of each destination folder.
    folders: HashMap<PathBuf, Option<Failure>>,
}

impl<'a> TaskSource<'a> {
    pub(super) fn new(input: &'a RunInput<'a>, stop: &'a AtomicBool, commits: SyncSender<Commit>) -> Self {
        Self { input, stop, commits, next: 0, folders: HashMap::new() }
    }

    /// The task for a recording, if it needs the engine.
    fn task(&mut self, id: usize, recording: &Recording) -> Option<FileTask> {
        let listener = self.input.listener;
        if let Some(failure) = &recording.failure {
            listener.on_event(id, FileEvent::Failed { failure });
            return None;
        }
        let need = need(self.input, recording, self.stop);
        if need == Need::Nothing {
            listener.on_event(id, FileEvent::Skipped { rendered: false });
            return None;
        }
        if let Some(failure) = self.folder_failure(&recording.target) {
            listener.on_event(id, FileEvent::Failed { failure: &failure });
            return None;
        }
        if let Need::Render(transcript, formats) = need {
            // The writer outlives this sender: the send succeeds.
            let _ = self.commits.send(Commit { id, transcript: *transcript, formats, rendered: true });
            return None;
        }
        let (path, overrides) = (recording.path.clone(), recording.overrides.clone());
        Some(FileTask { id, path, name: None, overrides, fault: None })
    }

    /// Removes temporary files of killed runs from the destination folders, also from those without work.
    pub(super) fn remove_leftovers(&self) {
        let mut seen = HashSet::new();
        for recording in self.input.recordings {
            if let Target::Files { folder, .. } = &recording.target
                && seen.insert(folder)
            {
                write::remove_leftovers(folder);
            }
        }
    }

    /// Prepares the folder of a target, once; gives the failure if it cannot be written to.
    ///
    /// Before the transcription rather than after it: nothing is transcribed that cannot be written.
    fn folder_failure(&mut self, target: &Target) -> Option<Failure> {
        let Target::Files { folder, .. } = target else { return None };
        if let Some(known) = self.folders.get(folder) {
            return known.clone();
        }
        let failure = write::prepare(folder).err().map(|error| Failure {
            reason: FailureReason::WriteFailed,
            message: error.to_string(),
            position_seconds: None,
        });
        self.folders.insert(folder.clone(), failure.clone());
        failure
    }
}

impl Iterator for TaskSource<'_> {
    type Item = FileTask;

    fn next(&mut self) -> Option<FileTask> {
        if self.next == 0 {
            self.remove_leftovers();
        }
        while !self.stop.load(Ordering::Relaxed) {
            let id = self.next;
            let recording = self.input.recordings.get(id)?;
            self.next += 1;
            if let Some(task) = self.task(id, recording) {
                return Some(task);
            }
        }
        None
    }
}
