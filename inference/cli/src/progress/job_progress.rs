//! Progress of a job that several workers share: the work of this worker, and events of the whole job.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use verbatim_ledger::outcome::{Outcome, Verdict};
use verbatim_ledger::worker::watch::{Event, Watch};

use super::left_out::left_out;
use super::run_counts::RunCounts;
use super::run_observers::RunObservers;
use super::run_progress::{BAR_INTERVAL, LINE_INTERVAL, report_failure, report_progress};
use crate::console::Console;
use crate::escaped_path::EscapedPath;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_supervisor::metrics::Spool;
use verbatim_text as text;

/// Follows the number of files: other workers may do parts of the job, and the counts are of this worker
/// only.
const HERE: &str = " here";

/// Counts the results of this worker and reports its progress.
pub struct JobProgressReporter {
    console: Console,
    observers: RunObservers,
    state: Mutex<State>,
}

struct State {
    counts: RunCounts,
    started: Instant,
    reported: Instant,
    has_bar: bool,
}

impl fmt::Debug for JobProgressReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobProgressReporter")
    }
}

impl JobProgressReporter {
    /// Without any results yet.
    pub fn new(console: &Console, observers: RunObservers) -> Self {
        let now = Instant::now();
        let state = State { counts: RunCounts::default(), started: now, reported: now, has_bar: false };
        Self { console: console.clone(), observers, state: Mutex::new(state) }
    }

    /// The observers of the run.
    pub fn observers(&self) -> &RunObservers {
        &self.observers
    }

    /// Starts the clock: the engine is ready.
    pub fn begin(&self) {
        let mut state = self.state();
        state.started = Instant::now();
        state.has_bar = self.console.show_bar();
    }

    /// Sets the engine's position in a file, in bytes read and seconds decoded; none once the file has left
    /// the engine.
    pub fn file_progress(&self, id: usize, position: Option<(u64, f64)>) {
        let mut state = self.state();
        match position {
            Some((bytes_read, seconds)) => state.counts.set_position(id, bytes_read, seconds),
            None => state.counts.remove_in_flight(id),
        }
        self.report_progress(&mut state);
    }

    /// Removes the bar. Returns the counts and the time since the start.
    pub fn end(&self) -> (RunCounts, Duration) {
        self.console.clear_bar();
        let state = self.state();
        (state.counts.clone(), state.started.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain counts: they are valid even if a thread has panicked while it held the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_outcome(&self, key: &str, bytes: u64, outcome: &Outcome) {
        let mut state = self.state();
        // Progress goes by the engine's task ids, which the plan does not know: outcomes only add to the
        // sums.
        let id = usize::MAX;
        match outcome.result {
            Verdict::Succeeded => {
                state.counts.add_done(id, bytes, outcome.audio_milliseconds as f64 / 1000.0);
            }
            Verdict::Skipped => state.counts.add_skipped(id, bytes, false),
            Verdict::Failed => {
                let failure = Failure {
                    reason: outcome.reason.unwrap_or(FailureReason::ReadFailed),
                    message: outcome.message.clone().unwrap_or_default(),
                    position_seconds: None,
                };
                let name = EscapedPath(key.as_ref()).to_string();
                report_failure(&self.console, &name, &failure, Some(outcome.attempts));
                state.counts.add_failed(id, bytes, name, failure);
            }
        }
        self.report_progress(&mut state);
    }

    /// Reports progress, if the interval has passed.
    fn report_progress(&self, state: &mut State) {
        let now = Instant::now();
        let elapsed = now.duration_since(state.started);
        self.observers.progress(|| state.counts.progress(elapsed));
        let interval = if state.has_bar { BAR_INTERVAL } else { LINE_INTERVAL };
        if now.duration_since(state.reported) < interval {
            return;
        }
        state.reported = now;
        report_progress(&self.console, &self.observers, &state.counts, elapsed, state.has_bar, HERE);
    }
}

impl Watch for JobProgressReporter {
    fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Listed { objects } => self.console.set_bar(0.0, format!("{objects} objects listed")),
            Event::Planned { plan, ours, .. } => {
                let mut state = self.state();
                state.counts.files = usize::try_from(plan.files).unwrap_or(usize::MAX);
                state.counts.bytes = plan.bytes;
                let action = if *ours { "Planned" } else { "Found the plan of" };
                let suffix = left_out(&plan.left_out)
                    .map(|left_out| format!("; left out: {left_out}"))
                    .unwrap_or_default();
                self.console.note(&format!(
                    "{action} {} ({}) in {}{suffix}",
                    text::files(state.counts.files),
                    text::bytes(plan.bytes),
                    text::count(plan.shards.len(), "shard", "shards")
                ));
            }
            Event::WaitsForPlan => self.console.note("Waiting for another worker to make the plan"),
            Event::Finished { file, outcome } => self.add_outcome(&file.key, file.size, outcome),
            Event::Spooled { files, bytes, most_bytes } => {
                self.observers.spool(Spool { files: *files, bytes: *bytes, most_bytes: *most_bytes });
            }
            Event::Claimed { shard, epoch, files, .. } if *epoch > 1 => {
                tracing::info!(shard, epoch, files, "shard taken over");
            }
            Event::Claimed { shard, files, .. } => tracing::debug!(shard, files, "shard claimed"),
            Event::Ended { shard, ended } => tracing::debug!(shard, "shard ended: {ended:?}"),
            Event::Beaten { shard } => tracing::debug!(shard, "shard lost to another worker"),
            Event::Waits { open } => tracing::debug!(open, "waiting: other workers hold all open shards"),
            _ => {}
        }
    }
}
