//! Tells what happens in a job that several workers may do: what this one does, and what the job is.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use verbatim_ledger::outcome::{FileResult, Outcome};
use verbatim_ledger::worker::events::{Event, Listener};

use crate::commands::escape::Shown;
use crate::commands::look::left_out;
use crate::commands::observed::Observed;
use crate::commands::report::{BETWEEN_LINES, BETWEEN_WORDS, tell_failure, tell_progress};
use crate::commands::say::Say;
use crate::commands::tally::Tally;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_supervisor::metrics::SpoolUsage;
use verbatim_text as text;

/// Follows the number of files: others may do parts of the job, so that only what was done here is told.
const HERE: &str = " here";

/// Counts and tells.
pub struct Told {
    say: Say,
    observed: Observed,
    state: Mutex<State>,
}

struct State {
    tally: Tally,
    begun: Instant,
    told: Instant,
    has_bar: bool,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl Told {
    /// Nothing has happened yet.
    pub fn new(say: &Say, observed: Observed) -> Self {
        let now = Instant::now();
        let state = State { tally: Tally::default(), begun: now, told: now, has_bar: false };
        Self { say: say.clone(), observed, state: Mutex::new(state) }
    }

    /// Everyone who hears of engines.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The engine is ready: from now on time counts.
    pub fn begin(&self) {
        let mut state = self.state();
        state.begun = Instant::now();
        state.has_bar = self.say.show_bar();
    }

    /// The engine has heard more of a recording: bytes read and seconds of audio; nothing when it is out of the engine.
    pub fn heard(&self, id: usize, far: Option<(u64, f64)>) {
        let mut state = self.state();
        match far {
            Some((bytes_read, seconds)) => state.tally.heard(id, bytes_read, seconds),
            None => state.tally.forget(id),
        }
        self.progress(&mut state);
    }

    /// What was counted, and the time since the beginning.
    pub fn end(&self) -> (Tally, Duration) {
        self.say.clear_bar();
        let state = self.state();
        (state.tally.clone(), state.begun.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that died while counting has left numbers, and numbers are all there is to it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self, key: &str, bytes: u64, outcome: &Outcome) {
        let mut state = self.state();
        // Progress of files goes by the engine's numbers, which are not those of the plan: sums are all that is kept.
        let id = usize::MAX;
        match outcome.result {
            FileResult::Succeeded => state.tally.done(id, bytes, outcome.audio_milliseconds as f64 / 1000.0),
            FileResult::Skipped => state.tally.skipped(id, bytes, false),
            FileResult::Failed => {
                let failure = Failure {
                    reason: outcome.reason.unwrap_or(FailureReason::ReadFailed),
                    message: outcome.message.clone().unwrap_or_default(),
                    position_seconds: None,
                };
                let name = Shown(key.as_ref()).to_string();
                tell_failure(&self.say, &name, &failure, Some(outcome.attempts));
                state.tally.failed(id, bytes, name, failure);
            }
        }
        self.progress(&mut state);
    }

    /// Tells how far the work is, if it is time to.
    fn progress(&self, state: &mut State) {
        let now = Instant::now();
        let elapsed = now.duration_since(state.begun);
        self.observed.progress(|| state.tally.progress(elapsed));
        let pause = if state.has_bar { BETWEEN_WORDS } else { BETWEEN_LINES };
        if now.duration_since(state.told) < pause {
            return;
        }
        state.told = now;
        tell_progress(&self.say, &self.observed, &state.tally, elapsed, state.has_bar, HERE);
    }
}

impl Listener for Told {
    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::Listed { objects } => self.say.set_bar(0.0, format!("{objects} objects listed")),
            Event::Planned { plan, made_here, .. } => {
                let mut state = self.state();
                state.tally.files = usize::try_from(plan.files).unwrap_or(usize::MAX);
                state.tally.bytes = plan.bytes;
                let made = if *made_here { "Planned" } else { "Found the plan of" };
                let rest =
                    left_out(&plan.left_out).map(|words| format!("; left out: {words}")).unwrap_or_default();
                self.say.note(&format!(
                    "{made} {} ({}) in {}{rest}",
                    text::files(state.tally.files),
                    text::bytes(plan.bytes),
                    text::count(plan.shards.len(), "shard", "shards")
                ));
            }
            Event::WaitingForPlan => self.say.note("Another worker makes the plan: waiting for it"),
            Event::Finished { file, outcome } => self.finished(&file.key, file.size, outcome),
            Event::SpoolUsage { files, bytes, max_bytes } => {
                self.observed.spooled(SpoolUsage { files: *files, bytes: *bytes, limit_bytes: *max_bytes });
            }
            Event::Claimed { shard, epoch, files, .. } if *epoch > 1 => {
                tracing::info!(shard, epoch, files, "shard taken over");
            }
            Event::Claimed { shard, files, .. } => tracing::debug!(shard, files, "shard claimed"),
            Event::SessionEnded { shard, end } => tracing::debug!(shard, "shard ended: {end:?}"),
            Event::LostRace { shard } => tracing::debug!(shard, "another was first"),
            Event::WaitingForOthers { open } => {
                tracing::debug!(open, "all that is left is claimed by others")
            }
            _ => {}
        }
    }
}
