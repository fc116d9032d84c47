//! Summary at the end of a run. Pure.

use std::{fmt::Write, time::Duration};

use super::left_out::left_out;
use super::run_counts::RunCounts;
use verbatim_ledger::plan::LeftOut;
use verbatim_text::{bytes, clock, elapsed, files, ratio};

/// Failures listed per reason. The others were reported when they happened.
const MAX_LISTED: usize = 10;

/// Facts of the summary beside the counts.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Time from the engine's readiness to the last transcript.
    pub elapsed: Duration,
    /// Time that loading the model took.
    pub loading: Duration,
    /// Peak resident memory of an engine, in bytes.
    pub peak_memory: Option<u64>,
    /// Description of the replaced engines; none if there are none.
    pub replaced: Option<String>,
    /// Files left out of the plan.
    pub left_out: LeftOut,
    /// Whether a signal ended the run.
    pub interrupted: bool,
    /// Whether other workers share the plan: undone files are then theirs.
    pub shared: bool,
}

/// Real-time factor: seconds of wall time per second of audio; none without audio.
pub fn real_time_factor(counts: &RunCounts, facts: &Facts) -> Option<f64> {
    (counts.audio_seconds > 0.0).then(|| facts.elapsed.as_secs_f64() / counts.audio_seconds)
}

/// The summary for people, several lines.
pub fn summary(counts: &RunCounts, facts: &Facts) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    // A signal that arrived after the last file was done has interrupted nothing.
    if facts.interrupted && counts.undone() > 0 {
        line(format!("Interrupted: {} not done", files(counts.undone())));
    } else if counts.undone() > 0 && !facts.shared {
        line(format!("The engine gave no answer for {}", files(counts.undone())));
    }
    line(format!("Transcribed: {}{}", files(counts.done), notes(counts)));
    if counts.skipped > 0 {
        line(format!("Already done, skipped: {}{}", files(counts.skipped), rendered(counts)));
    }
    if let Some(left_out) = left_out(&facts.left_out) {
        line(format!("Left out: {left_out}"));
    }
    if let Some(factor) = real_time_factor(counts, facts) {
        line(format!(
            "Audio: {} in {}, {}x real time (real-time factor {})",
            clock(counts.audio_seconds),
            elapsed(facts.elapsed),
            ratio(1.0 / factor),
            ratio(factor)
        ));
    }
    let peak = facts.peak_memory.map(|peak| format!("; peak memory: {}", bytes(peak))).unwrap_or_default();
    line(format!("Loading the model: {}{peak}", elapsed(facts.loading)));
    if let Some(replaced) = &facts.replaced {
        line(format!("Replaced: {replaced}"));
    }
    if counts.failures() > 0 {
        line(format!("Failed: {}", files(counts.failures())));
    }
    for (reason, failed) in &counts.failed {
        line(format!("  {reason}: {}", files(failed.len())));
        for (name, failure) in failed.iter().take(MAX_LISTED) {
            line(format!("    {name}: {failure}"));
        }
        if failed.len() > MAX_LISTED {
            line(format!("    and {} more, listed above", failed.len() - MAX_LISTED));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn notes(counts: &RunCounts) -> String {
    let mut notes = Vec::new();
    if counts.silent > 0 {
        notes.push(format!("{} without speech", counts.silent));
    }
    if counts.warned > 0 {
        notes.push(format!("{} with warnings", counts.warned));
    }
    if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) }
}

fn rendered(counts: &RunCounts) -> String {
    if counts.rendered == 0 {
        return String::new();
    }
    format!(" (missing formats of {} written from the JSON)", files(counts.rendered))
}

#[cfg(test)]
mod tests {
    use super::*;
    use verbatim_protocol::failure::{Failure, FailureReason};

    fn facts() -> Facts {
        Facts {
            elapsed: Duration::from_millis(15_200),
            loading: Duration::from_millis(420),
            peak_memory: Some(231_000_000),
            replaced: Some("3 engines (Memory 2, Crash 1)".to_owned()),
            left_out: LeftOut { not_audio: 3, hidden: 1, ..LeftOut::default() },
            interrupted: false,
            shared: false,
        }
    }

    #[test]
    fn all_lines() {
        let mut counts = RunCounts::new(20, 20);
        counts.add_done(0, 1, 754.0);
        counts.add_done(1, 1, 12.0);
        counts.silent = 1;
        counts.warned = 1;
        counts.add_skipped(2, 1, false);
        counts.add_skipped(3, 1, true);
        for id in 4..16 {
            let message = "no decoder for the codec wma2".to_owned();
            let failure =
                Failure { reason: FailureReason::UnsupportedCodec, message, position_seconds: None };
            counts.add_failed(id, 1, format!("calls/{id}.wma"), failure);
        }
        let message = "the data is damaged".to_owned();
        let failure = Failure { reason: FailureReason::Corrupt, message, position_seconds: Some(12.34) };
        counts.add_failed(16, 1, "calls/x.wav".to_owned(), failure);
        insta::assert_snapshot!(summary(&counts, &Facts { interrupted: true, ..facts() }));
    }

    #[test]
    fn a_signal_after_the_last_file_is_not_reported() {
        let mut counts = RunCounts::new(1, 1);
        let facts = Facts { interrupted: true, ..facts() };
        assert!(summary(&counts, &facts).starts_with("Interrupted: 1 file not done\n"));
        counts.add_done(0, 1, 44.0);
        assert!(summary(&counts, &facts).starts_with("Transcribed: 1 file\n"));
    }

    #[test]
    fn files_of_other_workers_are_not_missing() {
        let mut counts = RunCounts::new(3, 3);
        counts.add_done(0, 1, 44.0);
        let alone = summary(&counts, &facts());
        assert!(alone.starts_with("The engine gave no answer for 2 files\n"), "{alone}");
        let shared = summary(&counts, &Facts { shared: true, ..facts() });
        assert!(shared.starts_with("Transcribed: 1 file\n"), "{shared}");
    }

    #[test]
    fn one_successful_file() {
        let mut counts = RunCounts::new(1, 1);
        counts.add_done(0, 1, 44.0);
        let facts = Facts { left_out: LeftOut::default(), ..facts() };
        insta::assert_snapshot!(summary(&counts, &facts));
    }
}
