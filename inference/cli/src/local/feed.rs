//! Hands the plan's recordings to the engine, one after the other, as far as they need it.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
};

use crate::local::commit::Work;
use crate::local::done::{Need, need};
use crate::local::plan::{Item, Target};
use crate::local::session::Run;
use crate::local::watch::Notice;
use verbatim_files::write;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::FileTask;

/// An iterator over the tasks of a plan. Recordings that need no engine are answered on the way.
pub(crate) struct Feed<'a> {
    run: &'a Run<'a>,
    stop: &'a AtomicBool,
    work: SyncSender<Work>,
    next: usize,
    /// What became of the folders that transcripts go to.
    folders: HashMap<PathBuf, Option<Failure>>,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(run: &'a Run<'a>, stop: &'a AtomicBool, work: SyncSender<Work>) -> Self {
        Self { run, stop, work, next: 0, folders: HashMap::new() }
    }

    /// The task for a recording, if it needs the engine.
    fn task(&mut self, id: usize, item: &Item) -> Option<FileTask> {
        if let Some(failure) = &item.failure {
            self.run.watcher.notice(id, Notice::Failed { failure });
            return None;
        }
        let need = need(item, self.run.formats, self.run.overwrite, &self.run.origin, self.stop);
        if need == Need::Nothing {
            self.run.watcher.notice(id, Notice::Skipped { rendered: false });
            return None;
        }
        if let Some(failure) = self.folder_failure(&item.target) {
            self.run.watcher.notice(id, Notice::Failed { failure: &failure });
            return None;
        }
        match need {
            Need::Transcribe => {
                return Some(FileTask {
                    id,
                    path: item.path.clone(),
                    name: None,
                    overrides: item.overrides.clone(),
                    fault: None,
                });
            }
            Need::Nothing => {}
            Need::Render(transcript, formats) => {
                // The writer goes only after this sender has: the work arrives.
                let _ = self.work.send(Work { id, transcript: *transcript, formats, rendered: true });
            }
        }
        None
    }

    /// Removes what killed runs left in the folders that transcripts go to, also in those where nothing is to be
    /// done.
    pub(crate) fn clean(&self) {
        let mut seen = HashSet::new();
        for item in self.run.items {
            if let Target::Files { folder, .. } = &item.target
                && seen.insert(folder)
            {
                write::remove_leftovers(folder);
            }
        }
    }

    /// Makes the folder of a target ready, once; says why it is not.
    ///
    /// Before the work rather than after: nothing is transcribed that cannot be written.
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

impl Iterator for Feed<'_> {
    type Item = FileTask;

    fn next(&mut self) -> Option<FileTask> {
        if self.next == 0 {
            self.clean();
        }
        while !self.stop.load(Ordering::Relaxed) {
            let id = self.next;
            let item = self.run.items.get(id)?;
            self.next += 1;
            if let Some(task) = self.task(id, item) {
                return Some(task);
            }
        }
        None
    }
}
