//! Interface for transcription, implemented by the engine itself and by a supervisor with its engine
//! processes.

use std::sync::{Arc, atomic::AtomicBool};
use std::thread;

use crossbeam_channel::{Receiver, bounded};

use crate::engine_handle::EngineHandle;
use crate::event::Event;
use crate::task::FileTask;
use crate::transcript::Model;

/// Runs tasks and reports events.
pub trait Transcriber: Send {
    /// Transcribes every task and reports its events to `on_event`, in any order, on the caller's thread.
    ///
    /// Returns once every task that it took is answered, and either all senders of `tasks` are dropped or
    /// `stop` is true. After `stop`, takes no more tasks and answers unfinished ones with
    /// [`crate::failure::FailureReason::Interrupted`], even while senders live. A task that is never taken
    /// gets no event. The receiver is dropped on return, so that senders notice.
    ///
    /// A transcriber that cannot work any more returns early, and leaves tasks without an answer.
    fn transcribe(&mut self, tasks: Receiver<FileTask>, on_event: &mut dyn FnMut(Event), stop: &AtomicBool);

    /// Name and digest of the loaded model.
    fn model(&self) -> Model;

    /// Language of the texts, ISO 639-1.
    fn language(&self) -> String;

    /// One line for people: device and reason for it, threads, batch budget.
    fn describe(&self) -> String;

    /// Handle to read counters and set the batch budget during a run.
    fn handle(&self) -> Arc<EngineHandle>;
}

/// Transcribes the tasks of an iterator. A separate thread advances the iterator, one task ahead: the next
/// task may require reading a file for its digest.
pub fn transcribe_all(
    engine: &mut dyn Transcriber,
    tasks: impl Iterator<Item = FileTask> + Send,
    on_event: &mut dyn FnMut(Event),
    stop: &AtomicBool,
) {
    let (sender, receiver) = bounded(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            for task in tasks {
                if sender.send(task).is_err() {
                    return;
                }
            }
        });
        engine.transcribe(receiver, on_event, stop);
    });
}
