//! Progress of a run over folders: a bar on a terminal, lines in a pipe, JSON objects on request.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::run_counts::RunCounts;
use super::run_observers::RunObservers;
use super::summary::{self, Facts};
use crate::console::Console;
use crate::escaped_path::EscapedPath;
use crate::local::plan::Item;
use crate::local::watch::{Notice, Watcher};
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_text as text;

/// Shortest interval between two lines of progress in a pipe.
pub(super) const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Shortest interval between two changes of the bar's text: nobody reads faster.
pub(super) const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// Counts the results of a run and reports its progress.
pub struct RunProgressReporter<'a> {
    console: &'a Console,
    items: &'a [Item],
    observers: &'a RunObservers,
    has_bar: bool,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    counts: RunCounts,
    reported: Instant,
}

impl<'a> RunProgressReporter<'a> {
    /// Reports the start of a run. `engine` describes the engine.
    pub fn begin(console: &'a Console, items: &'a [Item], engine: &str, observers: &'a RunObservers) -> Self {
        let bytes = items.iter().map(|item| item.bytes).sum();
        let counts = RunCounts::new(items.len(), bytes);
        if console.is_json() {
            tracing::info!(files = items.len(), bytes, engine, "run started");
        } else {
            console.line(&format!(
                "Transcribing {} ({}) on {engine}",
                text::files(items.len()),
                text::bytes(bytes)
            ));
        }
        let started = Instant::now();
        let has_bar = console.show_bar();
        Self {
            console,
            items,
            observers,
            has_bar,
            started,
            state: Mutex::new(State { counts, reported: started }),
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Reports the summary. Returns the counts.
    pub fn end(self, facts: &Facts) -> RunCounts {
        self.console.clear_bar();
        let counts = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).counts;
        if self.console.is_json() {
            tracing::info!(
                files = counts.files,
                done = counts.done,
                skipped = counts.skipped,
                failed = counts.failures(),
                undone = counts.undone(),
                interrupted = facts.interrupted,
                audio_seconds = counts.audio_seconds,
                wall_seconds = facts.elapsed.as_secs_f64(),
                loading_seconds = facts.loading.as_secs_f64(),
                real_time_factor = summary::real_time_factor(&counts, facts),
                peak_memory_bytes = facts.peak_memory,
                "run ended"
            );
        } else {
            self.console.line(&summary::summary(&counts, facts));
        }
        counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain counts: they are valid even if a thread has panicked while it held the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports progress, if the interval has passed.
    fn report_progress(&self, state: &mut State) {
        let now = Instant::now();
        self.observers.progress(|| state.counts.progress(now.duration_since(self.started)));
        let interval = if self.has_bar { BAR_INTERVAL } else { LINE_INTERVAL };
        if now.duration_since(state.reported) < interval {
            return;
        }
        state.reported = now;
        let elapsed = now.duration_since(self.started);
        report_progress(self.console, self.observers, &state.counts, elapsed, self.has_bar, "");
    }

    fn report_failed(&self, name: &str, failure: &Failure) {
        // The summary counts interrupted files; they are not failures.
        if failure.reason != FailureReason::Interrupted {
            report_failure(self.console, name, failure, None);
        }
    }

    fn report_warnings(&self, name: &str, warnings: &[String]) {
        for warning in warnings {
            if self.console.is_json() {
                tracing::warn!(file = name, warning, "file is partly damaged");
            } else {
                self.console.line(&format!("WARNING {name}: {warning}"));
            }
        }
    }
}

impl Watcher for RunProgressReporter<'_> {
    fn notice(&self, position: usize, notice: Notice<'_>) {
        let Some(item) = self.items.get(position) else { return };
        let name = || EscapedPath(&item.name).to_string();
        let mut state = self.state();
        let counts = &mut state.counts;
        match notice {
            Notice::Heard { audio_seconds, bytes_read } => {
                counts.set_position(position, bytes_read.min(item.bytes), audio_seconds);
            }
            Notice::Skipped { rendered } => counts.add_skipped(position, item.bytes, rendered),
            Notice::Done { transcript } => {
                counts.add_done(position, item.bytes, transcript.duration);
                counts.silent += usize::from(transcript.segments.is_empty());
                counts.warned += usize::from(!transcript.warnings.is_empty());
                self.report_warnings(&name(), &transcript.warnings);
            }
            Notice::Failed { failure } => {
                counts.add_failed(position, item.bytes, name(), failure.clone());
                self.report_failed(&name(), failure);
            }
        }
        self.report_progress(&mut state);
    }
}

/// Reports the progress of a run. `here` follows the number of files if other workers do some of them.
pub(super) fn report_progress(
    console: &Console,
    observers: &RunObservers,
    counts: &RunCounts,
    elapsed: Duration,
    has_bar: bool,
    here: &str,
) {
    let resident = observers.engine_log.stats().resident;
    if console.is_json() {
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
        console.set_bar(counts.fraction_done(), bar_text(counts, elapsed, resident));
    } else {
        console.line(&progress_line(counts, elapsed, resident, here));
    }
}

/// Reports a failed file, even when quiet; with the number of attempts if it is known.
pub(super) fn report_failure(console: &Console, name: &str, failure: &Failure, attempts: Option<u32>) {
    if console.is_json() {
        tracing::error!(
            file = name,
            reason = failure.reason.as_str(),
            message = failure.message,
            position_seconds = failure.position_seconds,
            attempts,
            "file failed"
        );
    } else {
        console.always_line(&failure_line(name, failure));
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
fn progress_line(counts: &RunCounts, elapsed: Duration, memory: Option<u64>, here: &str) -> String {
    let ended = counts.done + counts.skipped + counts.failures();
    let mut parts = vec![
        format!("{ended} of {}{here}", text::files(counts.files)),
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
    use super::*;

    #[test]
    fn progress_line_and_bar_text() {
        let mut counts = RunCounts::new(212, 212_000);
        let elapsed = Duration::from_secs(2);
        assert_eq!(progress_line(&counts, elapsed, None, ""), "0 of 212 files, 0:00:00 of audio");
        counts.add_done(0, 1_000, 100.0);
        assert_eq!(
            progress_line(&counts, elapsed, Some(231_000_000), ""),
            "1 of 212 files, 0:01:40 of audio, 50x real time, about 0:07:02 left, 231 MB of memory"
        );
        let bar = bar_text(&counts, elapsed, Some(231_000_000));
        assert_eq!(bar, "1/212 files, 0:01:40, 50x, 0:07:02 left, 231 MB");
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
