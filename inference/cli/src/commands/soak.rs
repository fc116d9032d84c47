//! `verbatim soak`.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::args::{SoakArgs, engine_options};
use crate::console::Console;
use crate::engine_start;
use crate::error::CommandError;
use crate::escaped_path::EscapedPath;
use crate::exit;
use crate::folder_job::inputs::{self, Output};
use crate::folder_job::plan::Recording as PlannedRecording;
use crate::progress::run_observers::RunObservers;
use crate::signals::Signals;
use verbatim_crds::destination::Format;
use verbatim_soak::inject::Faults;
use verbatim_soak::record::{RunFacts, SoakFile};
use verbatim_soak::recorder::{Counts, Recorder, names};
use verbatim_soak::report::verdict::Verdict;
use verbatim_soak::rounds::{Length, Recording, Soak};
use verbatim_soak::{facts, report};
use verbatim_supervisor::measure::Sampler;
use verbatim_supervisor::policy::Policy;
use verbatim_supervisor::progress::Progress;
use verbatim_supervisor::start;
use verbatim_text as text;
use verbatim_text::error_chain;

/// Rounds where nothing else is asked for: the most that fits into a coffee break with a handful of short files.
const DEFAULT_ROUNDS: u32 = 200;

/// Least time between two lines of progress in a pipe, and between two changes of the bar.
const BETWEEN_LINES: Duration = Duration::from_secs(10);
const BETWEEN_WORDS: Duration = Duration::from_millis(200);

/// Soaks. Gives the exit code.
///
/// # Errors
/// [`CommandError`] when the arguments do not fit together, when there is no engine, or nothing can be written.
pub fn soak(options: &SoakArgs, console: &Console) -> Result<u8, CommandError> {
    let recordings = recordings(options)?;
    let length = match options.hours {
        Some(hours) => Length::Time(Duration::from_secs_f64(hours * 3600.0)),
        None => Length::Rounds(options.rounds.map_or(DEFAULT_ROUNDS, std::num::NonZeroU32::get) as usize),
    };
    let seed = options.seed.unwrap_or_else(clock);
    let tasks = match length {
        Length::Rounds(rounds) => Some(rounds * recordings.len()),
        Length::Time(_) => None,
    };
    let limited = Sampler::new().cgroup().is_some_and(|cgroup| cgroup.limit.is_some());
    let faults = Faults::deal(&options.inject, tasks, seed, limited).map_err(CommandError::Usage)?;
    let observed = RunObservers::new(console, options.operation.http.as_deref())?;
    let folder = &options.output;
    let unwritable = |error: io::Error| {
        CommandError::Configuration(format!("failed to write into {}: {error}", EscapedPath(folder)))
    };
    fs::create_dir_all(folder).map_err(unwritable)?;
    let test_id = format!("soak-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
    let recorder = Arc::new(Recorder::new(folder, &test_id, faults.clone()).map_err(unwritable)?);

    let signals = Signals::catch().map_err(|error| CommandError::configuration(&error))?;
    let wanted = engine_options(&options.recognition, &options.compute);
    let observer = observed.observer(Some(recorder.clone()));
    let mut engine = start::start(&wanted, policy(options), observer, signals.stop())
        .map_err(|error| engine_start::command_error(&error, &signals))?;

    let mut facts = facts::facts(&test_id, &engine, seed);
    facts.files = recordings.iter().map(|r| SoakFile { name: r.name.clone(), bytes: r.bytes }).collect();
    facts.faults = options.inject.iter().map(|injection| injection.text.clone()).collect();
    write_facts(folder, &facts).map_err(unwritable)?;
    console.line(&format!(
        "Soaking {} on {}, into {} (seed {seed})",
        text::files(recordings.len()),
        facts.engine,
        EscapedPath(folder)
    ));

    let concurrency: Vec<usize> = options.concurrency.iter().map(|n| usize::from(n.get())).collect();
    let teller = Teller::new(console, &recorder, &observed, length, tasks);
    let soak = Soak {
        recordings: &recordings,
        length,
        concurrency: &concurrency,
        faults: &faults,
        recorder: &recorder,
    };
    facts.rounds = soak.run(&mut engine, &|| teller.tell(), signals.stop());
    drop(engine);
    console.clear_bar();

    facts.wall_seconds = recorder.elapsed().as_secs_f64();
    facts.interrupted = signals.exit_code().is_some();
    facts.unanswered = recorder.unanswered();
    let counts = recorder.counts();
    facts.supervisor_peak_bytes = counts.supervisor_peak;
    recorder.end().and_then(|()| write_facts(folder, &facts)).map_err(unwritable)?;
    let summary = report::write(folder).map_err(|error| CommandError::configuration(&error))?;
    for line in summary.lines() {
        console.line(&line);
    }
    let figures = &summary.figures;
    let bad = counts.failed > 0
        || (facts.unanswered > 0 && !facts.interrupted)
        || !figures.losses.is_whole()
        || (figures.memory.verdict == Verdict::Leaks && !faults.leaks());
    Ok(match signals.exit_code() {
        Some(code) => code,
        None if bad => exit::SOME_FAILED,
        None => exit::DONE,
    })
}

fn policy(options: &SoakArgs) -> Policy {
    Policy {
        wedged_after: Duration::from_secs_f64(options.wedged_after),
        max_attempts_per_file: options.max_attempts,
        ..options.operation.apply(options.limits.policy())
    }
}

/// The recordings that the arguments name; all of them have to be there.
fn recordings(options: &SoakArgs) -> Result<Vec<Recording>, CommandError> {
    let output = Output::Folder(options.output.clone());
    let recordings = inputs::plan(&options.inputs, &output, &[Format::Json])
        .map_err(|error| CommandError::Usage(error_chain(&error)))?
        .recordings;
    let failed = recordings.iter().find_map(|recording| Some((recording, recording.failure.as_ref()?)));
    if let Some((recording, failure)) = failed {
        return Err(CommandError::Usage(format!("{}: {}", EscapedPath(&recording.name), failure.message)));
    }
    if recordings.is_empty() {
        return Err(CommandError::Usage("no recordings were found".to_owned()));
    }
    // By their last names, as faults name them, where those differ.
    let last = |planned: &PlannedRecording| planned.path.file_name().map(PathBuf::from).unwrap_or_default();
    let distinct = recordings.iter().map(last).collect::<HashSet<_>>().len() == recordings.len();
    let recording = |planned: PlannedRecording| {
        let name = if distinct { last(&planned) } else { planned.name };
        Recording { name: EscapedPath(&name).to_string(), path: planned.path, bytes: planned.bytes }
    };
    Ok(recordings.into_iter().map(recording).collect())
}

fn write_facts(folder: &Path, facts: &RunFacts) -> io::Result<()> {
    fs::write(folder.join(names::RUN), serde_json::to_vec_pretty(facts)?)
}

/// A seed that is another each time.
fn clock() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // The milliseconds of a day: short enough to type.
    u64::try_from(now.as_millis() % 86_400_000).unwrap_or(0)
}

/// Tells how far it is.
struct Teller<'a> {
    console: &'a Console,
    recorder: &'a Recorder,
    observed: &'a RunObservers,
    length: Length,
    tasks: Option<usize>,
    has_bar: bool,
    told: Mutex<Instant>,
}

impl<'a> Teller<'a> {
    fn new(
        console: &'a Console,
        recorder: &'a Recorder,
        observed: &'a RunObservers,
        length: Length,
        tasks: Option<usize>,
    ) -> Self {
        let has_bar = console.show_bar();
        Self { console, recorder, observed, length, tasks, has_bar, told: Mutex::new(Instant::now()) }
    }

    /// For /status and metrics: each file counts, since how long they are is not known.
    fn progress(&self) -> Progress {
        let (counts, elapsed) = (self.recorder.counts(), self.recorder.elapsed().as_secs_f64());
        let share = self.share(&counts, self.recorder.elapsed());
        Progress {
            files: self.tasks.unwrap_or(counts.succeeded + counts.failed) as u64,
            done: counts.succeeded as u64,
            failed: counts.failed as u64,
            audio_seconds: counts.audio_seconds,
            speed: (elapsed > 0.0).then(|| counts.audio_seconds / elapsed),
            seconds_left: (share > 0.0).then(|| elapsed * (1.0 - share).max(0.0) / share),
            ..Progress::default()
        }
    }

    fn tell(&self) {
        self.observed.progress(|| self.progress());
        let now = Instant::now();
        let pause = if self.has_bar { BETWEEN_WORDS } else { BETWEEN_LINES };
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(*told) < pause {
                return;
            }
            *told = now;
        }
        let (counts, elapsed) = (self.recorder.counts(), self.recorder.elapsed());
        let share = self.share(&counts, elapsed);
        let words = words(&counts, elapsed, self.tasks, share);
        if self.console.is_json() {
            tracing::info!(
                done = counts.succeeded,
                failed = counts.failed,
                recycles = counts.recycles,
                audio_seconds = counts.audio_seconds,
                engine_resident_bytes = counts.engine_resident,
                share,
                "soaking"
            );
        } else if self.has_bar {
            self.console.set_bar(share, words);
        } else {
            self.console.line(&words);
        }
    }

    fn share(&self, counts: &Counts, elapsed: Duration) -> f64 {
        match (self.length, self.tasks) {
            (Length::Time(time), _) => elapsed.as_secs_f64() / time.as_secs_f64().max(1.0),
            (_, tasks) => (counts.succeeded + counts.failed) as f64 / tasks.unwrap_or(1).max(1) as f64,
        }
    }
}

fn words(counts: &Counts, elapsed: Duration, tasks: Option<usize>, share: f64) -> String {
    let done = counts.succeeded + counts.failed;
    let of = tasks.map(|tasks| format!("/{tasks}")).unwrap_or_default();
    let mut words = vec![format!("{done}{of} files"), text::clock(counts.audio_seconds)];
    words.push(format!("engine {}", text::bytes(counts.engine_resident)));
    if counts.recycles > 0 {
        words.push(format!("{} replaced", counts.recycles));
    }
    if counts.failed > 0 {
        words.push(format!("{} failed", counts.failed));
    }
    if share > 0.0 {
        let left = elapsed.as_secs_f64() * (1.0 - share).max(0.0) / share;
        words.push(format!("{} left", text::clock(left)));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_in_words() {
        let counts = Counts {
            succeeded: 99,
            failed: 1,
            recycles: 2,
            audio_seconds: 3_600.0,
            engine_resident: 180_000_000,
            ..Counts::default()
        };
        assert_eq!(
            words(&counts, Duration::from_secs(60), Some(400), 0.25),
            "100/400 files, 1:00:00, engine 180 MB, 2 replaced, 1 failed, 0:03:00 left"
        );
    }
}
