//! The last words of a run. Pure.

use std::{fmt::Write, time::Duration};

use crate::commands::tally::Tally;
use crate::local::plan::LeftOut;
use verbatim_text::{bytes, clock, count, elapsed, files, ratio};

/// Failures that are listed of each reason. The others were told when they happened.
const LISTED: usize = 10;

/// What a tally does not know.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Time from the engine's being ready to the last transcript.
    pub elapsed: Duration,
    /// Time that loading the model took.
    pub loading: Duration,
    /// Most resident memory of an engine, in bytes.
    pub peak_memory: Option<u64>,
    /// Engines that were replaced, in words.
    pub replaced: Option<String>,
    /// What was left out while the recordings were looked for.
    pub left_out: LeftOut,
    /// Whether a signal ended the run.
    pub interrupted: bool,
    /// Whether other workers do parts of the plan: what was not done here is theirs.
    pub shared: bool,
}

/// Seconds of computing for a second of audio.
pub fn real_time_factor(tally: &Tally, facts: &Facts) -> Option<f64> {
    (tally.audio_seconds > 0.0).then(|| facts.elapsed.as_secs_f64() / tally.audio_seconds)
}

/// The summary for people, in lines.
pub fn summary(tally: &Tally, facts: &Facts) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}");
    };
    // A signal that came when everything was done has interrupted nothing.
    if facts.interrupted && tally.undone() > 0 {
        line(format!("Interrupted: {} not done", files(tally.undone())));
    } else if tally.undone() > 0 && !facts.shared {
        line(format!("The engine gave no answer for {}", files(tally.undone())));
    }
    line(format!("Transcribed: {}{}", files(tally.done), notes(tally)));
    if tally.skipped > 0 {
        line(format!("Already done, skipped: {}{}", files(tally.skipped), rendered(tally)));
    }
    if let Some(left_out) = left_out(&facts.left_out) {
        line(format!("Left out: {left_out}"));
    }
    if let Some(factor) = real_time_factor(tally, facts) {
        line(format!(
            "Audio: {} in {}, {} times as fast as it plays (real-time factor {})",
            clock(tally.audio_seconds),
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
    if tally.failures() > 0 {
        line(format!("Failed: {}", files(tally.failures())));
    }
    for (reason, failed) in &tally.failed {
        line(format!("  {reason}: {}", files(failed.len())));
        for (name, why) in failed.iter().take(LISTED) {
            line(format!("    {name}: {why}"));
        }
        if failed.len() > LISTED {
            line(format!("    and {} more, listed above", failed.len() - LISTED));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn notes(tally: &Tally) -> String {
    let mut notes = Vec::new();
    if tally.silent > 0 {
        notes.push(format!("{} without speech", tally.silent));
    }
    if tally.warned > 0 {
        notes.push(format!("{} damaged in part", tally.warned));
    }
    if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) }
}

fn rendered(tally: &Tally) -> String {
    if tally.rendered == 0 {
        return String::new();
    }
    format!(" (missing formats of {} written from the JSON)", files(tally.rendered))
}

/// What was left out, in words; none where nothing was.
pub fn left_out(left_out: &LeftOut) -> Option<String> {
    let parts: Vec<String> = [
        (left_out.not_audio, "file that is not audio", "files that are not audio"),
        (left_out.hidden, "hidden name", "hidden names"),
        (left_out.excluded, "file by the patterns", "files by the patterns"),
        (left_out.loops, "link that leads in a circle", "links that lead in a circle"),
        (left_out.twice, "recording named twice", "recordings named twice"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
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
    fn everything_that_can_happen() {
        let mut tally = Tally::new(20, 20);
        tally.done(0, 1, 754.0);
        tally.done(1, 1, 12.0);
        tally.silent = 1;
        tally.warned = 1;
        tally.skipped(2, 1, false);
        tally.skipped(3, 1, true);
        for id in 4..16 {
            let message = "no decoder for the codec wma2".to_owned();
            let failure =
                Failure { reason: FailureReason::UnsupportedCodec, message, position_seconds: None };
            tally.failed(id, 1, format!("calls/{id}.wma"), failure);
        }
        let message = "the data is damaged".to_owned();
        let failure = Failure { reason: FailureReason::Corrupt, message, position_seconds: Some(12.34) };
        tally.failed(16, 1, "calls/x.wav".to_owned(), failure);
        insta::assert_snapshot!(summary(&tally, &Facts { interrupted: true, ..facts() }));
    }

    #[test]
    fn a_signal_that_came_too_late_is_not_told() {
        let mut tally = Tally::new(1, 1);
        let facts = Facts { interrupted: true, ..facts() };
        assert!(summary(&tally, &facts).starts_with("Interrupted: 1 file not done\n"));
        tally.done(0, 1, 44.0);
        assert!(summary(&tally, &facts).starts_with("Transcribed: 1 file\n"));
    }

    #[test]
    fn what_other_workers_do_is_not_missing() {
        let mut tally = Tally::new(3, 3);
        tally.done(0, 1, 44.0);
        let alone = summary(&tally, &facts());
        assert!(alone.starts_with("The engine gave no answer for 2 files\n"), "{alone}");
        let among_others = summary(&tally, &Facts { shared: true, ..facts() });
        assert!(among_others.starts_with("Transcribed: 1 file\n"), "{among_others}");
    }

    #[test]
    fn one_good_file() {
        let mut tally = Tally::new(1, 1);
        tally.done(0, 1, 44.0);
        let facts = Facts { left_out: LeftOut::default(), ..facts() };
        insta::assert_snapshot!(summary(&tally, &facts));
    }
}
