//! The observer that tracks the worker's status, and answers at any time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine_event::{EngineEvent, Observer};
use crate::progress::Progress;
use crate::status::moment::Moment;
use crate::status::response::Status;
use crate::status::state::StatusState;

/// Status of a worker.
#[derive(Debug)]
pub struct StatusTracker(Mutex<StatusState>);

impl Default for StatusTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl StatusTracker {
    /// The status before any event. The supervisor counts as alive from now on.
    pub fn new() -> Self {
        Self(Mutex::new(StatusState::new(Moment::now())))
    }

    /// Records the progress of the run.
    pub fn progress(&self, progress: Progress) {
        self.lock().progress(progress);
    }

    /// Whether the supervisor is alive.
    ///
    /// # Errors
    /// The reason for which it counts as dead.
    pub fn alive(&self) -> Result<(), String> {
        self.lock().alive(Moment::now())
    }

    /// Whether an engine takes files.
    ///
    /// # Errors
    /// The reason for which none does.
    pub fn ready(&self) -> Result<(), String> {
        self.lock().ready(Moment::now())
    }

    /// The whole status.
    pub fn status(&self) -> Status {
        self.lock().status(Moment::now())
    }

    fn lock(&self) -> MutexGuard<'_, StatusState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for StatusTracker {
    fn observe(&self, event: &EngineEvent<'_>) {
        self.lock().observe(event, Moment::now());
    }
}
