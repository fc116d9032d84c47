//! One call's files: what waits, what was handed over, what was answered.

use std::collections::HashMap;

use crossbeam_channel::Receiver;

use super::decide::Queue;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::FileTask;

/// A call of `transcribe`.
pub(super) struct Call<'a> {
    /// In which order, and which alone.
    pub(super) queue: Queue,
    /// Every task that was taken and not answered.
    pub(super) tasks: HashMap<usize, Task>,
    /// Tasks that were not taken yet; none when there are no more.
    pub(super) more: Option<Receiver<FileTask>>,
    /// Hears of everything.
    pub(super) on_event: &'a mut dyn FnMut(Event),
}

/// A task, and how often it was tried.
pub(super) struct Task {
    pub(super) task: FileTask,
    /// How people know it.
    pub(super) name: String,
    /// Times that an engine took it up.
    pub(super) begun: u32,
}

impl Call<'_> {
    /// Takes a task.
    pub(super) fn take(&mut self, task: FileTask) {
        let id = task.id;
        let name = task.name.clone().unwrap_or_else(|| task.path.to_string_lossy().into_owned());
        self.tasks.insert(id, Task { task, name, begun: 0 });
        self.queue.push_back(id);
    }

    /// Whether everything is answered.
    pub(super) fn is_over(&self) -> bool {
        self.more.is_none() && self.tasks.is_empty()
    }

    /// Times that a file was taken up.
    pub(super) fn begun(&self, id: usize) -> u32 {
        self.tasks.get(&id).map_or(0, |task| task.begun)
    }

    /// How people know a file.
    pub(super) fn name(&self, id: usize) -> &str {
        self.tasks.get(&id).map_or("", |task| task.name.as_str())
    }

    /// Answers a file.
    pub(super) fn answer(&mut self, id: usize, event: Event) {
        self.tasks.remove(&id);
        (self.on_event)(event);
    }

    /// Answers everything that is left with Interrupted.
    pub(super) fn give_back(&mut self) {
        self.more = None;
        let mut ids: Vec<usize> = self.tasks.keys().copied().collect();
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
