//! Counts of a run, and their reports at intervals: a bar on a terminal, lines in a pipe, JSON objects on
//! request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use verbatim_protocol::failure::Failure;
use verbatim_text as text;

use super::run_counts::RunCounts;
use super::run_observers::RunObservers;
use crate::console::Console;

/// Shortest interval between two lines of progress in a pipe.
pub(crate) const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Shortest interval between two changes of the bar's text: nobody reads faster.
pub(crate) const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// Counts the results of a run, over folders or over a ledger, and reports its progress.
pub struct ProgressReporter {
    /// Terminal or log.
    pub console: Console,
    /// Observers of the run.
    pub observers: RunObservers,
    /// Follows the number of files in a line of progress.
    suffix: &'static str,
    state: Mutex<State>,
}

struct State {
    counts: RunCounts,
    started: Instant,
    reported: Instant,
    has_bar: bool,
}

impl ProgressReporter {
    /// Without any results yet. `suffix` follows the number of files in a line of progress.
    pub fn new(console: &Console, observers: RunObservers, suffix: &'static str) -> Self {
        let now = Instant::now();
        let state = State { counts: RunCounts::default(), started: now, reported: now, has_bar: false };
        Self { console: console.clone(), observers, suffix, state: Mutex::new(state) }
    }

    /// Starts the clock: the engine is ready.
    pub fn begin(&self) {
        let mut state = self.state();
        state.started = Instant::now();
        state.has_bar = self.console.show_bar();
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.state().started.elapsed()
    }

    /// Changes the counts, and reports progress if the interval has passed.
    pub fn update(&self, change: impl FnOnce(&mut RunCounts)) {
        let mut state = self.state();
        change(&mut state.counts);
        let now = Instant::now();
        let elapsed = now.duration_since(state.started);
        self.observers.progress(|| state.counts.progress(elapsed));
        let interval = if state.has_bar { BAR_INTERVAL } else { LINE_INTERVAL };
        if now.duration_since(state.reported) >= interval {
            state.reported = now;
            self.report(&state.counts, elapsed, state.has_bar);
        }
    }

    /// Changes the counts without a report.
    pub fn set(&self, change: impl FnOnce(&mut RunCounts)) {
        change(&mut self.state().counts);
    }

    /// Removes the bar. Returns the counts and the time since the start.
    pub fn end(&self) -> (RunCounts, Duration) {
        self.console.clear_bar();
        let state = self.state();
        (state.counts.clone(), state.started.elapsed())
    }

    /// Reports a failed file, even when quiet; with the number of attempts if it is known.
    pub fn report_failure(&self, name: &str, failure: &Failure, attempts: Option<u32>) {
        if self.console.is_json() {
            tracing::error!(
                file = name,
                reason = failure.reason.as_str(),
                message = failure.message,
                position_seconds = failure.position_seconds,
                attempts,
                "file failed"
            );
        } else {
            self.console.always_line(&failure_line(name, failure));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain counts: they are valid even if a thread has panicked while it held the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, counts: &RunCounts, elapsed: Duration, has_bar: bool) {
        let resident = self.observers.engine_log.stats().resident;
        if self.console.is_json() {
            tracing::info!(
                files = counts.files,
                done = counts.done,
                skipped = counts.skipped,
                failed = counts.failures(),
                audio_seconds = counts.decoded_seconds(),
                speed = counts.speed(elapsed),
                seconds_left = counts.time_left(elapsed).map(|left| left.as_secs_f64()),
                resident_memory_bytes = resident,
                "progress"
            );
        } else if has_bar {
            self.console.set_bar(counts.fraction_done(), bar_text(counts, elapsed, resident));
        } else {
            self.console.line(&progress_line(counts, elapsed, resident, self.suffix));
        }
    }
}

fn failure_line(name: &str, failure: &Failure) -> String {
    format!("FAILED {name}: {}: {}", failure.reason, failure)
}

/// Progress of a run beside a bar on a terminal of 80 columns.
fn bar_text(counts: &RunCounts, elapsed: Duration, memory: Option<u64>) -> String {
    let ended = counts.done + counts.skipped + counts.failures();
    let mut parts = vec![format!("{ended}/{} files", counts.files), text::clock(counts.decoded_seconds())];
    parts.extend(counts.speed(elapsed).map(|speed| format!("{}x", text::ratio(speed))));
    parts.extend(counts.time_left(elapsed).map(|left| format!("{} left", text::clock(left.as_secs_f64()))));
    parts.extend(memory.map(text::bytes));
    parts.join(", ")
}

/// Progress of a run on a line.
fn progress_line(counts: &RunCounts, elapsed: Duration, memory: Option<u64>, suffix: &str) -> String {
    let ended = counts.done + counts.skipped + counts.failures();
    let mut parts = vec![
        format!("{ended} of {}{suffix}", text::files(counts.files)),
        format!("{} of audio", text::clock(counts.decoded_seconds())),
    ];
    if let Some(speed) = counts.speed(elapsed) {
        parts.push(format!("{}x real time", text::ratio(speed)));
    }
    if let Some(left) = counts.time_left(elapsed) {
        parts.push(format!("about {} left", text::clock(left.as_secs_f64())));
    }
    if let Some(memory) = memory {
        parts.push(format!("{} of memory", text::bytes(memory)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use verbatim_protocol::failure::FailureReason;

    use super::*;

    #[test]
    fn progress_line_and_bar_text() {
        let mut counts = RunCounts::new(212, 212_000);
        let elapsed = Duration::from_secs(20);
        assert_eq!(progress_line(&counts, elapsed, None, ""), "0 of 212 files, 0:00:00 of audio");
        counts.add_done(0, 1_000, 100.0);
        assert_eq!(
            progress_line(&counts, elapsed, Some(231_000_000), ""),
            "1 of 212 files, 0:01:40 of audio, 5.0x real time, about 1:10:20 left, 231 MB of memory"
        );
        let bar = bar_text(&counts, elapsed, Some(231_000_000));
        assert_eq!(bar, "1/212 files, 0:01:40, 5.0x, 1:10:20 left, 231 MB");
    }

    #[test]
    fn a_failure_takes_one_line() {
        let failure = Failure {
            reason: FailureReason::UnsupportedCodec,
            message: "no decoder for the codec wma2".to_owned(),
            position_seconds: Some(12.34),
        };
        assert_eq!(
            failure_line("calls/x.wav", &failure),
            "FAILED calls/x.wav: UnsupportedCodec: no decoder for the codec wma2 (at 12.3 s)"
        );
    }
}
