//! Control of restarts: how long the next engine waits after failures, and when no engine can be started any
//! more.

use std::time::{Duration, Instant};

use crate::decide::{Backoff, Decision};
use crate::start_error::StartError;

/// Back-off between failed engines, and the error that ends it.
pub(crate) struct RestartControl {
    backoff: Backoff,
    /// Time before which no engine is started.
    not_before: Option<Instant>,
    /// Error that keeps any engine from starting.
    error: Option<StartError>,
    random: rand::rngs::StdRng,
}

impl RestartControl {
    pub(crate) fn new() -> Self {
        Self { backoff: Backoff::new(), not_before: None, error: None, random: rand::make_rng() }
    }

    /// Whether no engine can be started any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.error.is_some()
    }

    pub(crate) fn error(&self) -> Option<&StartError> {
        self.error.as_ref()
    }

    pub(crate) fn take_error(&mut self) -> Option<StartError> {
        self.error.take()
    }

    /// Ends the attempts to start engines.
    pub(crate) fn give_up(&mut self, error: StartError) {
        self.error = Some(error);
    }

    /// Whether an engine may be started now.
    pub(crate) fn may_start(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|until| now >= until)
    }

    /// Whether engines failed and none was started since.
    pub(crate) fn is_backing_off(&self) -> bool {
        self.not_before.is_some()
    }

    /// Ends the delay: an engine is being started.
    pub(crate) fn starting(&mut self) {
        self.not_before = None;
    }

    pub(crate) fn engine_is_ready(&mut self) {
        self.backoff.on_ready();
    }

    pub(crate) fn file_was_answered(&mut self) {
        self.backoff.on_progress();
    }

    /// Counts a failed engine. Gives the delay before the next one, if there is any; after too many failures
    /// it gives up with the error that `error` makes of the reason.
    pub(crate) fn engine_failed(
        &mut self,
        error: impl FnOnce(String) -> StartError,
        now: Instant,
    ) -> Option<Decision<Duration>> {
        let delay = self.backoff.on_failure(rand::RngExt::random(&mut self.random));
        if let Some(end) = self.backoff.give_up() {
            self.error = Some(error(end.why));
            return None;
        }
        if delay.action.is_zero() {
            return None;
        }
        self.not_before = Some(now + delay.action);
        Some(delay)
    }
}
