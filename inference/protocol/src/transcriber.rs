//! Interface of whatever transcribes: the engine itself, or a supervisor with its engine processes.

use std::sync::{Arc, atomic::AtomicBool};
use std::thread;

use crossbeam_channel::{Receiver, bounded};

use crate::controls::Controls;
use crate::event::Event;
use crate::task::FileTask;
use crate::transcript::Model;

/// Runs tasks and reports events.
pub trait Transcriber: Send {
    /// Transcribes every task and answers each through `on_event`, in any order, on the caller's thread.
    ///
    /// Blocks until all senders of `tasks` are gone and all tasks are answered. Once `stop` is true no more tasks are
    /// taken, and unfinished ones are answered with [`crate::failure::FailureReason::Interrupted`]. A task that is
    /// never taken gets no event; the receiver is dropped on return, so that its sender learns of it.
    fn transcribe(&mut self, tasks: Receiver<FileTask>, on_event: &mut dyn FnMut(Event), stop: &AtomicBool);

    /// The model's name and the digest of what was loaded.
    fn model(&self) -> Model;

    /// Language of the text that it writes, ISO 639-1.
    fn language(&self) -> String;

    /// One line for people: the device that was taken and why, threads, budget.
    fn describe(&self) -> String;

    /// What can be read and set while it works.
    fn controls(&self) -> Arc<Controls>;
}

/// Runs tasks of an iterator, which a thread of its own draws from: finding the next task may mean reading a file for its
/// digest. One task is drawn ahead.
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
