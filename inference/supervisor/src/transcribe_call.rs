//! One call of `transcribe`: its files that wait, are in flight, or were answered.

use std::collections::HashMap;

use crossbeam_channel::Receiver;

use crate::decide::FileQueue;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::FileTask;

/// A call of `transcribe`.
pub(crate) struct TranscribeCall<'a> {
    /// Order of the files, and which of them run alone.
    pub(crate) queue: FileQueue,
    /// Files that were accepted and not answered.
    pub(crate) files: HashMap<usize, PendingFile>,
    /// Tasks that were not accepted yet; none when there are no more.
    pub(crate) more: Option<Receiver<FileTask>>,
    /// Receives all events.
    pub(crate) on_event: &'a mut dyn FnMut(Event),
}

/// A file without an answer.
pub(crate) struct PendingFile {
    pub(crate) task: FileTask,
    /// Name for messages.
    pub(crate) name: String,
    /// Times that an engine began the file.
    pub(crate) attempts: u32,
}

impl TranscribeCall<'_> {
    /// Accepts a task.
    pub(crate) fn accept(&mut self, task: FileTask) {
        let id = task.id;
        let name = task.name.clone().unwrap_or_else(|| task.path.to_string_lossy().into_owned());
        self.files.insert(id, PendingFile { task, name, attempts: 0 });
        self.queue.push_back(id);
    }

    /// Whether every accepted file is answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether every file is answered and there are no more.
    pub(crate) fn is_over(&self) -> bool {
        self.more.is_none() && self.is_answered()
    }

    /// Times that an engine began a file.
    pub(crate) fn attempts(&self, id: usize) -> u32 {
        self.files.get(&id).map_or(0, |file| file.attempts)
    }

    /// Name of a file for messages.
    pub(crate) fn name(&self, id: usize) -> &str {
        self.files.get(&id).map_or("", |file| file.name.as_str())
    }

    /// Answers a file.
    pub(crate) fn answer(&mut self, id: usize, event: Event) {
        self.files.remove(&id);
        (self.on_event)(event);
    }

    /// Answers all pending files with Interrupted, and accepts no more.
    pub(crate) fn interrupt_all(&mut self) {
        self.more = None;
        let mut ids: Vec<usize> = self.files.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let failure = Failure {
                reason: FailureReason::Interrupted,
                message: "the run was interrupted before this file was done".to_owned(),
                position_seconds: None,
            };
            self.answer(id, Event::Failed { id, failure });
        }
    }
}
