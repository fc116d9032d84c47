//! What `/status`, `/healthz` and `/readyz` show: hears what happens, keeps the last of it, and answers at any time.
//!
//! - [`status`]: the answer, as its JSON has it (`docs/status.md`);
//! - `state`: made from what happens, with the time given.

mod state;
pub mod status;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::observe::{Happening, Observer};
use crate::progress::Progress;
use state::State;
use status::Status;

/// A moment, by the clock that never jumps and by the one on the wall.
#[derive(Clone, Copy, Debug)]
struct Moment {
    instant: Instant,
    time: Timestamp,
}

impl Moment {
    fn now() -> Self {
        Self { instant: Instant::now(), time: Timestamp::now() }
    }

    /// Seconds since an earlier moment.
    fn since(&self, earlier: Instant) -> f64 {
        self.instant.saturating_duration_since(earlier).as_secs_f64()
    }
}

/// The state of a worker, for people who look.
#[derive(Debug)]
pub struct Board(Mutex<State>);

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl Board {
    /// Nothing has happened yet; the supervisor counts as alive from here.
    pub fn new() -> Self {
        Self(Mutex::new(State::new(Moment::now())))
    }

    /// The supervisor's loop is alive. To be called at each turn, which is far more often than [`status::SILENCE`].
    pub fn beat(&self) {
        self.lock().beat(Moment::now());
    }

    /// How far the run is.
    pub fn progress(&self, progress: Progress) {
        self.lock().progress(progress);
    }

    /// Whether the supervisor's loop is alive.
    ///
    /// # Errors
    /// Why it is not taken to be, in words.
    pub fn alive(&self) -> Result<(), String> {
        self.lock().alive(Moment::now())
    }

    /// Whether an engine takes files.
    ///
    /// # Errors
    /// Why none does, in words.
    pub fn ready(&self) -> Result<(), String> {
        self.lock().ready(Moment::now())
    }

    /// Everything.
    pub fn status(&self) -> Status {
        self.lock().status(Moment::now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Board {
    fn observe(&self, happening: &Happening<'_>) {
        self.lock().observe(happening, Moment::now());
    }
}

#[cfg(test)]
mod tests;
