//! Progress of a job that several workers share: the work of this worker, and events of the whole job.

use std::fmt;
use std::time::Duration;

use verbatim_ledger::outcome::{FileResult, Outcome};
use verbatim_ledger::worker::events::{Event, Listener};
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_supervisor::metrics::SpoolUsage;
use verbatim_text as text;

use super::left_out::left_out;
use super::reporter::ProgressReporter;
use super::run_counts::RunCounts;
use super::run_observers::RunObservers;
use crate::console::Console;
use crate::escaped_path::EscapedPath;

/// Follows the number of files: other workers may do parts of the job, and the counts are of this worker
/// only.
const HERE: &str = " here";

/// Counts the results of this worker and reports its progress.
pub struct JobProgressReporter(ProgressReporter);

impl fmt::Debug for JobProgressReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobProgressReporter")
    }
}

impl JobProgressReporter {
    /// Without any results yet.
    pub fn new(console: &Console, observers: RunObservers) -> Self {
        Self(ProgressReporter::new(console, observers, HERE))
    }

    /// The observers of the run.
    pub fn observers(&self) -> &RunObservers {
        &self.0.observers
    }

    /// Starts the clock: the engine is ready.
    pub fn begin(&self) {
        self.0.begin();
    }

    /// Sets the engine's position in a file, in bytes read and seconds decoded; none once the file has left
    /// the engine.
    pub fn file_progress(&self, id: usize, position: Option<(u64, f64)>) {
        self.0.update(|counts| match position {
            Some((bytes_read, seconds)) => counts.set_position(id, bytes_read, seconds),
            None => counts.remove_in_flight(id),
        });
    }

    /// Removes the bar. Returns the counts and the time since the start.
    pub fn end(&self) -> (RunCounts, Duration) {
        self.0.end()
    }

    fn add_outcome(&self, key: &str, bytes: u64, outcome: &Outcome) {
        // Progress goes by the engine's task ids, which the plan does not know: outcomes only add to the
        // sums.
        let id = usize::MAX;
        self.0.update(|counts| match outcome.result {
            FileResult::Succeeded => counts.add_done(id, bytes, outcome.audio_milliseconds as f64 / 1000.0),
            FileResult::Skipped => counts.add_skipped(id, bytes, false),
            FileResult::Failed => {
                let failure = Failure {
                    reason: outcome.reason.unwrap_or(FailureReason::ReadFailed),
                    message: outcome.message.clone().unwrap_or_default(),
                    position_seconds: None,
                };
                let name = EscapedPath(key.as_ref()).to_string();
                self.0.report_failure(&name, &failure, Some(outcome.attempts));
                counts.add_failed(id, bytes, name, failure);
            }
        });
    }
}

impl Listener for JobProgressReporter {
    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::Listed { objects } => self.0.console.set_bar(0.0, format!("{objects} objects listed")),
            Event::Planned { plan, made_here, .. } => {
                let files = usize::try_from(plan.files).unwrap_or(usize::MAX);
                self.0.set(|counts| (counts.files, counts.bytes) = (files, plan.bytes));
                let action = if *made_here { "Planned" } else { "Found the plan of" };
                let suffix = left_out(&plan.left_out)
                    .map(|left_out| format!("; left out: {left_out}"))
                    .unwrap_or_default();
                self.0.console.note(&format!(
                    "{action} {} ({}) in {}{suffix}",
                    text::files(files),
                    text::bytes(plan.bytes),
                    text::count(plan.shards.len(), "shard", "shards")
                ));
            }
            Event::WaitingForPlan => self.0.console.note("Waiting for another worker to make the plan"),
            Event::Finished { file, outcome } => self.add_outcome(&file.key, file.size, outcome),
            Event::SpoolUsage { files, bytes, max_bytes } => {
                self.0.observers.spool(SpoolUsage { files: *files, bytes: *bytes, limit_bytes: *max_bytes });
            }
            Event::Claimed { shard, epoch, files, .. } if *epoch > 1 => {
                tracing::info!(shard, epoch, files, "shard taken over");
            }
            Event::Claimed { shard, files, .. } => tracing::debug!(shard, files, "shard claimed"),
            Event::SessionEnded { shard, end } => tracing::debug!(shard, "shard ended: {end:?}"),
            Event::LostRace { shard } => tracing::debug!(shard, "shard lost to another worker"),
            Event::WaitingForOthers { open } => {
                tracing::debug!(open, "waiting: other workers hold all open shards")
            }
            _ => {}
        }
    }
}
