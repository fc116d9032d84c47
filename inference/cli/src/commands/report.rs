//! Tells what happens in a run: a bar on a terminal, lines in a pipe, objects of JSON where they are asked for.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::commands::escape::Shown;
use crate::commands::observed::Observed;
use crate::commands::say::Say;
use crate::commands::summary;
use crate::commands::summary::Facts;
use crate::commands::tally::Tally;
use crate::local::plan::Item;
use crate::local::watch::{Notice, Watcher};
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_text as text;

/// Least time between two lines of progress in a pipe.
pub(super) const BETWEEN_LINES: Duration = Duration::from_secs(10);
/// Least time between two changes of the bar's words: a person reads no faster.
pub(super) const BETWEEN_WORDS: Duration = Duration::from_millis(200);

/// Counts and tells.
pub struct Report<'a> {
    say: &'a Say,
    items: &'a [Item],
    observed: &'a Observed,
    has_bar: bool,
    begun: Instant,
    state: Mutex<State>,
}

struct State {
    tally: Tally,
    told: Instant,
}

impl<'a> Report<'a> {
    /// Begins to tell of a run. `engine` says what it runs on.
    pub fn begin(say: &'a Say, items: &'a [Item], engine: &str, observed: &'a Observed) -> Self {
        let bytes = items.iter().map(|item| item.bytes).sum();
        let tally = Tally::new(items.len(), bytes);
        if say.is_json() {
            tracing::info!(files = items.len(), bytes, engine, "run begins");
        } else {
            say.line(&format!(
                "Transcribing {} ({}) on {engine}",
                text::files(items.len()),
                text::bytes(bytes)
            ));
        }
        let begun = Instant::now();
        let has_bar = say.show_bar();
        Self { say, items, observed, has_bar, begun, state: Mutex::new(State { tally, told: begun }) }
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Tells the summary, and gives what was counted.
    pub fn end(self, facts: &Facts) -> Tally {
        self.say.clear_bar();
        let tally = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).tally;
        if self.say.is_json() {
            tracing::info!(
                files = tally.files,
                done = tally.done,
                skipped = tally.skipped,
                failed = tally.failures(),
                undone = tally.undone(),
                interrupted = facts.interrupted,
                audio_seconds = tally.audio_seconds,
                wall_seconds = facts.elapsed.as_secs_f64(),
                loading_seconds = facts.loading.as_secs_f64(),
                real_time_factor = summary::real_time_factor(&tally, facts),
                peak_memory_bytes = facts.peak_memory,
                "run ended"
            );
        } else {
            self.say.line(&summary::summary(&tally, facts));
        }
        tally
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that died while counting has left numbers, and numbers are all there is to it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how far the run is, if it is time to.
    fn progress(&self, state: &mut State) {
        let now = Instant::now();
        self.observed.progress(|| state.tally.progress(now.duration_since(self.begun)));
        let pause = if self.has_bar { BETWEEN_WORDS } else { BETWEEN_LINES };
        if now.duration_since(state.told) < pause {
            return;
        }
        state.told = now;
        let elapsed = now.duration_since(self.begun);
        tell_progress(self.say, self.observed, &state.tally, elapsed, self.has_bar, "");
    }

    fn failed(&self, name: &str, failure: &Failure) {
        // What an interrupt left undone is counted in the summary, and is nobody's fault.
        if failure.reason != FailureReason::Interrupted {
            tell_failure(self.say, name, failure, None);
        }
    }

    fn warned(&self, name: &str, warnings: &[String]) {
        for warning in warnings {
            if self.say.is_json() {
                tracing::warn!(file = name, warning, "file is damaged in part");
            } else {
                self.say.line(&format!("WARNING {name}: {warning}"));
            }
        }
    }
}

impl Watcher for Report<'_> {
    fn notice(&self, position: usize, notice: Notice<'_>) {
        let Some(item) = self.items.get(position) else { return };
        let name = || Shown(&item.name).to_string();
        let mut state = self.state();
        let tally = &mut state.tally;
        match notice {
            Notice::Heard { audio_seconds, bytes_read } => {
                tally.heard(position, bytes_read.min(item.bytes), audio_seconds);
            }
            Notice::Skipped { rendered } => tally.skipped(position, item.bytes, rendered),
            Notice::Done { transcript } => {
                tally.done(position, item.bytes, transcript.duration);
                tally.silent += usize::from(transcript.segments.is_empty());
                tally.warned += usize::from(!transcript.warnings.is_empty());
                self.warned(&name(), &transcript.warnings);
            }
            Notice::Failed { failure } => {
                tally.failed(position, item.bytes, name(), failure.clone());
                self.failed(&name(), failure);
            }
        }
        self.progress(&mut state);
    }
}

/// Tells how far a run is. `here` follows the number of files where others do some of them.
pub(super) fn tell_progress(
    say: &Say,
    observed: &Observed,
    tally: &Tally,
    elapsed: Duration,
    has_bar: bool,
    here: &str,
) {
    let resident = observed.engines.figures().resident;
    if say.is_json() {
        tracing::info!(
            files = tally.files,
            done = tally.done,
            skipped = tally.skipped,
            failed = tally.failures(),
            audio_seconds = tally.heard_seconds(),
            speed = tally.speed(elapsed),
            seconds_left = tally.time_left(elapsed).map(|left| left.as_secs_f64()),
            resident_memory_bytes = resident,
            "progress"
        );
    } else if has_bar {
        say.set_bar(tally.share(), short_words(tally, elapsed, resident));
    } else {
        say.line(&words(tally, elapsed, resident, here));
    }
}

/// Tells of a file that failed, also when it is quiet; `attempts` where they are known.
pub(super) fn tell_failure(say: &Say, name: &str, failure: &Failure, attempts: Option<u32>) {
    if say.is_json() {
        tracing::error!(
            file = name,
            reason = failure.reason.as_str(),
            message = failure.message,
            position_seconds = failure.position_seconds,
            attempts,
            "file failed"
        );
    } else {
        say.force(&failure_line(name, failure));
    }
}

fn failure_line(name: &str, failure: &Failure) -> String {
    format!("FAILED {name}: {}: {}", failure.reason, failure)
}

/// How far a run is, beside a bar on a terminal of 80 columns.
fn short_words(tally: &Tally, elapsed: Duration, memory: Option<u64>) -> String {
    let ended = tally.done + tally.skipped + tally.failures();
    let mut words = vec![format!("{ended}/{} files", tally.files), text::clock(tally.heard_seconds())];
    words.extend(tally.speed(elapsed).map(|speed| format!("{}x", text::ratio(speed))));
    words.extend(tally.time_left(elapsed).map(|left| format!("{} left", text::clock(left.as_secs_f64()))));
    words.extend(memory.map(text::bytes));
    words.join(", ")
}

/// How far a run is, in words.
fn words(tally: &Tally, elapsed: Duration, memory: Option<u64>, here: &str) -> String {
    let ended = tally.done + tally.skipped + tally.failures();
    let mut words = vec![
        format!("{ended} of {}{here}", text::files(tally.files)),
        format!("{} of audio", text::clock(tally.heard_seconds())),
    ];
    if let Some(speed) = tally.speed(elapsed) {
        words.push(format!("{} times as fast as it plays", text::ratio(speed)));
    }
    if let Some(left) = tally.time_left(elapsed) {
        words.push(format!("about {} left", text::clock(left.as_secs_f64())));
    }
    if let Some(memory) = memory {
        words.push(format!("{} of memory", text::bytes(memory)));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_in_words() {
        let mut tally = Tally::new(212, 212_000);
        let elapsed = Duration::from_secs(2);
        assert_eq!(words(&tally, elapsed, None, ""), "0 of 212 files, 0:00:00 of audio");
        tally.done(0, 1_000, 100.0);
        assert_eq!(
            words(&tally, elapsed, Some(231_000_000), ""),
            "1 of 212 files, 0:01:40 of audio, 50 times as fast as it plays, about 0:07:02 left, 231 MB of memory"
        );
        let short = short_words(&tally, elapsed, Some(231_000_000));
        assert_eq!(short, "1/212 files, 0:01:40, 50x, 0:07:02 left, 231 MB");
    }

    #[test]
    fn a_failure_on_one_line() {
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
