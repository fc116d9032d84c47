//! `verbatim soak`: runs a soak, records it and writes its report.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::args::{SoakArgs, engine_options_from_args};
use crate::console::Console;
use crate::engine_start;
use crate::error::CommandError;
use crate::escaped_path::EscapedPath;
use crate::exit;
use crate::folder_job::inputs::{self, Output};
use crate::folder_job::plan::Recording;
use crate::progress::reporter::{BAR_INTERVAL, LINE_INTERVAL};
use crate::progress::run_observers::RunObservers;
use crate::signals::Signals;
use verbatim_crds::destination::Format;
use verbatim_soak::inject::FaultPlan;
use verbatim_soak::record::{RUN, RunMetadata, SoakFile};
use verbatim_soak::recorder::{Counts, Recorder};
use verbatim_soak::rounds::{Soak, SoakLength, SoakRecording};
use verbatim_soak::{report, run_metadata};
use verbatim_supervisor::measure::Sampler;
use verbatim_supervisor::policy::Policy;
use verbatim_supervisor::progress::Progress;
use verbatim_supervisor::start;
use verbatim_text as text;
use verbatim_text::error_chain;

/// Default number of rounds: some minutes with a handful of short files.
const DEFAULT_ROUNDS: u32 = 200;

/// Runs `verbatim soak` and returns the exit code.
///
/// # Errors
/// [`CommandError`]: invalid arguments, an engine that cannot start, or a folder that cannot be written.
pub fn soak(options: &SoakArgs, console: &Console) -> Result<u8, CommandError> {
    let recordings = recordings(options)?;
    let length = match options.hours {
        Some(hours) => SoakLength::Time(Duration::from_secs_f64(hours * 3600.0)),
        None => SoakLength::Rounds(options.rounds.map_or(DEFAULT_ROUNDS, std::num::NonZeroU32::get) as usize),
    };
    let seed = options.seed.unwrap_or_else(seed_from_clock);
    let tasks = match length {
        SoakLength::Rounds(rounds) => Some(rounds * recordings.len()),
        SoakLength::Time(_) => None,
    };
    let limited = Sampler::new().cgroup().is_some_and(|cgroup| cgroup.limit.is_some());
    let faults = FaultPlan::new(&options.inject, tasks, seed, limited).map_err(CommandError::Usage)?;
    let observers = RunObservers::new(console, options.operation.http.as_deref())?;
    let folder = &options.output;
    let write_error = |error: io::Error| {
        CommandError::Configuration(format!("failed to write to {}: {error}", EscapedPath(folder)))
    };
    fs::create_dir_all(folder).map_err(write_error)?;
    let test_id = format!("soak-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
    let recorder = Arc::new(Recorder::new(folder, &test_id, faults.clone()).map_err(write_error)?);

    let signals = Signals::catch().map_err(|error| CommandError::configuration(&error))?;
    let engine_options = engine_options_from_args(&options.recognition, &options.compute);
    let observer = observers.observer(Some(recorder.clone()));
    let mut engine = start::start(&engine_options, policy(options), observer, signals.stop())
        .map_err(|error| engine_start::command_error(&error, &signals))?;

    let mut metadata = run_metadata::collect(&test_id, &engine, seed);
    let file = |r: &SoakRecording| SoakFile { name: r.name.clone(), bytes: r.bytes };
    metadata.files = recordings.iter().map(file).collect();
    metadata.faults = options.inject.iter().map(|injection| injection.text.clone()).collect();
    write_metadata(folder, &metadata).map_err(write_error)?;
    console.line(&format!(
        "Soaking {} on {}, into {} (seed {seed})",
        text::files(recordings.len()),
        metadata.engine,
        EscapedPath(folder)
    ));

    let concurrency: Vec<usize> = options.concurrency.iter().map(|n| usize::from(n.get())).collect();
    let progress = SoakProgress::new(console, &recorder, &observers, length, tasks);
    let soak = Soak {
        recordings: &recordings,
        length,
        concurrency: &concurrency,
        faults: &faults,
        recorder: &recorder,
    };
    metadata.rounds = soak.run(&mut engine, &|| progress.report(), signals.stop());
    drop(engine);
    console.clear_bar();

    metadata.wall_seconds = recorder.elapsed().as_secs_f64();
    metadata.interrupted = signals.exit_code().is_some();
    metadata.unanswered = recorder.unanswered();
    let counts = recorder.counts();
    metadata.supervisor_peak_bytes = counts.supervisor_peak;
    recorder.finish().and_then(|()| write_metadata(folder, &metadata)).map_err(write_error)?;
    let summary = report::write(folder).map_err(|error| CommandError::configuration(&error))?;
    for line in summary.lines() {
        console.line(&line);
    }
    let unsuccessful = counts.failed > 0
        || (metadata.unanswered > 0 && !metadata.interrupted)
        || !summary.is_complete()
        || (summary.memory_leaks() && !faults.leaks());
    Ok(match signals.exit_code() {
        Some(code) => code,
        None if unsuccessful => exit::SOME_FAILED,
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

/// Recordings named by the arguments. Each of them has to be readable.
fn recordings(options: &SoakArgs) -> Result<Vec<SoakRecording>, CommandError> {
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
    // File names, as `--inject` uses them, if they are distinct; otherwise paths.
    let file_name = |planned: &Recording| planned.path.file_name().map(PathBuf::from).unwrap_or_default();
    let distinct = recordings.iter().map(file_name).collect::<HashSet<_>>().len() == recordings.len();
    let recording = |planned: Recording| {
        let name = if distinct { file_name(&planned) } else { planned.name };
        SoakRecording { name: EscapedPath(&name).to_string(), path: planned.path, bytes: planned.bytes }
    };
    Ok(recordings.into_iter().map(recording).collect())
}

fn write_metadata(folder: &Path, metadata: &RunMetadata) -> io::Result<()> {
    fs::write(folder.join(RUN), serde_json::to_vec_pretty(metadata)?)
}

/// Milliseconds since midnight: short enough to type.
fn seed_from_clock() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis() % 86_400_000).unwrap_or(0)
}

/// Reporter of progress: bar, lines or log, and metrics.
struct SoakProgress<'a> {
    console: &'a Console,
    recorder: &'a Recorder,
    observers: &'a RunObservers,
    length: SoakLength,
    tasks: Option<usize>,
    has_bar: bool,
    reported_at: Mutex<Instant>,
}

impl<'a> SoakProgress<'a> {
    fn new(
        console: &'a Console,
        recorder: &'a Recorder,
        observers: &'a RunObservers,
        length: SoakLength,
        tasks: Option<usize>,
    ) -> Self {
        let has_bar = console.show_bar();
        Self { console, recorder, observers, length, tasks, has_bar, reported_at: Mutex::new(Instant::now()) }
    }

    /// Progress for /status and metrics, by number of files: their durations are not known.
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

    fn report(&self) {
        self.observers.progress(|| self.progress());
        let now = Instant::now();
        let interval = if self.has_bar { BAR_INTERVAL } else { LINE_INTERVAL };
        {
            let mut reported_at = self.reported_at.lock().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(*reported_at) < interval {
                return;
            }
            *reported_at = now;
        }
        let (counts, elapsed) = (self.recorder.counts(), self.recorder.elapsed());
        let share = self.share(&counts, elapsed);
        let line = progress_line(&counts, elapsed, self.tasks, share);
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
            self.console.set_bar(share, line);
        } else {
            self.console.line(&line);
        }
    }

    fn share(&self, counts: &Counts, elapsed: Duration) -> f64 {
        match (self.length, self.tasks) {
            (SoakLength::Time(time), _) => elapsed.as_secs_f64() / time.as_secs_f64().max(1.0),
            (_, tasks) => (counts.succeeded + counts.failed) as f64 / tasks.unwrap_or(1).max(1) as f64,
        }
    }
}

/// Progress as text, such as `100/400 files, 1:00:00, engine 180 MB, 0:03:00 left`.
fn progress_line(counts: &Counts, elapsed: Duration, tasks: Option<usize>, share: f64) -> String {
    let done = counts.succeeded + counts.failed;
    let of = tasks.map(|tasks| format!("/{tasks}")).unwrap_or_default();
    let mut parts = vec![format!("{done}{of} files"), text::clock(counts.audio_seconds)];
    parts.push(format!("engine {}", text::bytes(counts.engine_resident)));
    if counts.recycles > 0 {
        parts.push(format!("{} replaced", counts.recycles));
    }
    if counts.failed > 0 {
        parts.push(format!("{} failed", counts.failed));
    }
    if share > 0.0 {
        let left = elapsed.as_secs_f64() * (1.0 - share).max(0.0) / share;
        parts.push(format!("{} left", text::clock(left)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_line_with_replacements_and_failures() {
        let counts = Counts {
            succeeded: 99,
            failed: 1,
            recycles: 2,
            audio_seconds: 3_600.0,
            engine_resident: 180_000_000,
            ..Counts::default()
        };
        assert_eq!(
            progress_line(&counts, Duration::from_secs(60), Some(400), 0.25),
            "100/400 files, 1:00:00, engine 180 MB, 2 replaced, 1 failed, 0:03:00 left"
        );
    }
}
