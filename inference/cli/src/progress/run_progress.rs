//! Progress of a run over folders.

use verbatim_protocol::failure::FailureReason;
use verbatim_text as text;

use super::reporter::ProgressReporter;
use super::run_counts::RunCounts;
use super::summary::{self, Facts};
use crate::escaped_path::EscapedPath;
use crate::folder_job::listener::{FileEvent, Listener};
use crate::folder_job::plan::Recording;

/// Counts the results of a run over folders and reports its progress.
pub struct RunProgressReporter<'a> {
    progress: &'a ProgressReporter,
    recordings: &'a [Recording],
}

impl<'a> RunProgressReporter<'a> {
    /// Reports the start of a run. `engine` describes the engine.
    pub fn begin(progress: &'a ProgressReporter, recordings: &'a [Recording], engine: &str) -> Self {
        let (files, bytes) = (recordings.len(), recordings.iter().map(|recording| recording.bytes).sum());
        progress.set(|counts| *counts = RunCounts::new(files, bytes));
        if progress.console.is_json() {
            tracing::info!(files, bytes, engine, "run started");
        } else {
            let (files, bytes) = (text::files(files), text::bytes(bytes));
            progress.console.line(&format!("Transcribing {files} ({bytes}) on {engine}"));
        }
        progress.begin();
        Self { progress, recordings }
    }

    /// Reports the summary. Returns the counts.
    pub fn end(self, facts: &Facts) -> RunCounts {
        let (counts, _) = self.progress.end();
        if self.progress.console.is_json() {
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
            self.progress.console.line(&summary::summary(&counts, facts));
        }
        counts
    }

    fn report_warnings(&self, name: &str, warnings: &[String]) {
        for warning in warnings {
            if self.progress.console.is_json() {
                tracing::warn!(file = name, warning, "file has a warning");
            } else {
                self.progress.console.line(&format!("WARNING {name}: {warning}"));
            }
        }
    }
}

impl Listener for RunProgressReporter<'_> {
    fn on_event(&self, position: usize, event: FileEvent<'_>) {
        let Some(Recording { name, bytes, .. }) = self.recordings.get(position) else { return };
        let name = || EscapedPath(name).to_string();
        self.progress.update(|counts| match event {
            FileEvent::Progress { audio_seconds, bytes_read } => {
                counts.set_position(position, bytes_read.min(*bytes), audio_seconds);
            }
            FileEvent::Skipped { rendered } => counts.add_skipped(position, *bytes, rendered),
            FileEvent::Done { transcript } => {
                counts.add_done(position, *bytes, transcript.duration);
                counts.silent += usize::from(transcript.segments.is_empty());
                counts.warned += usize::from(!transcript.warnings.is_empty());
                self.report_warnings(&name(), &transcript.warnings);
            }
            FileEvent::Failed { failure } => {
                counts.add_failed(position, *bytes, name(), failure.clone());
                // The summary counts interrupted files; they are not failures.
                if failure.reason != FailureReason::Interrupted {
                    self.progress.report_failure(&name(), failure, None);
                }
            }
        });
    }
}
