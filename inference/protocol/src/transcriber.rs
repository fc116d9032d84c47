//! The engine as its callers see it.

use std::sync::{Arc, atomic::AtomicBool};

use crate::controls::Controls;
use crate::event::Event;
use crate::task::FileTask;
use crate::transcript::Model;

/// Runs tasks and reports events.
pub trait Transcriber: Send {
    /// Transcribes every task of `tasks` and answers each through `on_event`, in any order.
    ///
    /// Blocks until all tasks are answered. Once `stop` is true no more tasks are taken, and those that are not
    /// finished are answered with [`crate::failure::FailureReason::Interrupted`]. `tasks` may be drawn from
    /// on another thread; `on_event` is called on the caller's.
    fn transcribe(
        &mut self,
        tasks: &mut (dyn Iterator<Item = FileTask> + Send),
        on_event: &mut dyn FnMut(Event),
        stop: &AtomicBool,
    );

    /// The model's name and the digest of what was loaded.
    fn model(&self) -> Model;

    /// Language of the text that it writes, ISO 639-1.
    fn language(&self) -> String;

    /// One line for people: the device that was taken and why, threads, budget.
    fn describe(&self) -> String;

    /// What can be read and set while it works.
    fn controls(&self) -> Arc<Controls>;
}
