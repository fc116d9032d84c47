//! `verbatim bench`: transcribes the same files repeatedly in one process and prints a line of JSON per run.
//!
//! For the benchmark, which measures the process from outside. With `--step` each run waits for a line on
//! standard input, so that runs of several engines can alternate.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::args::{BenchArgs, engine_options_from_args};
use crate::console::Console;
use crate::engine_start::EngineLoader;
use crate::error::CommandError;
use crate::exit;
use crate::folder_job::inputs::{self, Output};
use crate::folder_job::listener::{FileEvent, Listener};
use crate::folder_job::run::run as run_plan;
use crate::folder_job::run_input::{Origin, RunInput};
use crate::progress::engine_log::EngineLog;
use verbatim_crds::destination::{Format, Overwrite};
use verbatim_supervisor::measure::own_process;
use verbatim_supervisor::policy::Policy;

/// Measurements of one run.
#[derive(Serialize)]
struct Measurement {
    run: u32,
    wall_seconds: f64,
    audio_seconds: f64,
    rtf: f64,
    files_failed: usize,
    rss_bytes: Option<u64>,
    peak_rss_bytes: Option<u64>,
}

/// Sums of audio seconds and failed files.
#[derive(Default)]
struct Totals(Mutex<(f64, usize)>);

impl Listener for Totals {
    fn on_event(&self, _: usize, event: FileEvent<'_>) {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            FileEvent::Done { transcript } => totals.0 += transcript.duration,
            FileEvent::Failed { failure } => {
                totals.1 += 1;
                // Each failure is a line in the benchmark's log.
                let _ = writeln!(io::stderr(), "failed: {}: {}", failure.reason, failure.message);
            }
            FileEvent::Progress { .. } | FileEvent::Skipped { .. } => {}
        }
    }
}

/// Runs the benchmark. Returns the exit code.
///
/// # Errors
/// [`CommandError`] when the inputs are inconsistent, no engine starts, or a line cannot be written.
pub fn bench(args: &BenchArgs, console: &Console, load: EngineLoader) -> Result<u8, CommandError> {
    let failed = |error: io::Error| CommandError::configuration(&error);
    let mut out: Box<dyn Write> = if args.json.as_os_str() == "-" {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(&args.json).map_err(failed)?)
    };
    let formats = [Format::Json];
    let plan = inputs::plan(&args.inputs, &Output::Folder(args.output.clone()), &formats)
        .map_err(|error| CommandError::usage(&error))?;
    let options = engine_options_from_args(&args.recognition, &args.compute);
    let engine_log = Arc::new(EngineLog::new(console));
    let mut engine = if args.alone {
        verbatim_engine::load::load(&options).map_err(|error| CommandError::configuration(&error))?
    } else {
        load(&options, Policy::default(), engine_log.clone(), &AtomicBool::new(false))
            .map_err(|error| CommandError::configuration(&error))?
    };
    writeln!(out, "{{\"ready\": true}}").and_then(|()| out.flush()).map_err(failed)?;
    let mut lines = io::stdin().lock().lines();
    let mut failures = 0;
    for run in 1..=args.repeat {
        if args.step && lines.next().is_none() {
            break;
        }
        let (totals, started) = (Totals::default(), Instant::now());
        let input = RunInput {
            recordings: &plan.recordings,
            formats: &formats,
            overwrite: Overwrite::Always,
            origin: Origin { model: engine.model().digest, config: options.config_digest() },
            listener: &totals,
            stdout: &|_| Ok(()),
        };
        run_plan(&input, engine.as_mut(), &AtomicBool::new(false));
        let wall_seconds = started.elapsed().as_secs_f64();
        let (audio_seconds, files_failed) = totals.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        failures += files_failed;
        let stats = engine_log.stats();
        let measurement = Measurement {
            run,
            wall_seconds,
            audio_seconds,
            rtf: wall_seconds / audio_seconds,
            files_failed,
            rss_bytes: stats.resident.or_else(|| Some(own_process()?.resident)),
            peak_rss_bytes: stats.peak.or_else(|| Some(own_process()?.peak_resident)),
        };
        let line =
            serde_json::to_string(&measurement).map_err(|error| CommandError::configuration(&error))?;
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(failed)?;
    }
    Ok(if failures == 0 { exit::DONE } else { exit::SOME_FAILED })
}
