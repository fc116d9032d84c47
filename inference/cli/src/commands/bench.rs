//! `verbatim bench`: the same files again and again in one process, a line of JSON for each run.
//!
//! For the benchmark, which watches the process from outside. With `--step` each run waits for a line on standard
//! input, so that runs of several engines can take turns.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use crate::commands::args::Recognition;
use crate::commands::args::{Compute, engine_options};
use crate::commands::engines::Engines;
use crate::commands::say::Say;
use crate::commands::{CommandError, Loader, exit, memory};
use crate::local::done::{Origin, Overwrite};
use crate::local::inputs::{self, Output};
use crate::local::session::Run;
use crate::local::watch::{Notice, Watcher};
use crate::output::format::Format;
use verbatim_supervisor::policy::Policy;

/// Options of `verbatim bench`.
#[derive(Args, Debug)]
pub struct Bench {
    /// Recordings, or folders of recordings.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the transcripts; each run writes them anew.
    #[arg(long, short, value_name = "FOLDER")]
    pub output: PathBuf,
    /// Runs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: u32,
    /// Before each run wait for a line on standard input; its end ends the runs.
    #[arg(long)]
    pub step: bool,
    /// Without a supervisor, in this process: what the split costs is the difference.
    #[arg(long)]
    pub alone: bool,
    /// Where the lines of JSON go; - is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub json: PathBuf,
    /// What is recognised.
    #[command(flatten)]
    pub recognition: Recognition,
    /// What it runs on.
    #[command(flatten)]
    pub compute: Compute,
}

/// What one run took.
#[derive(Serialize)]
struct Measured {
    run: u32,
    wall_seconds: f64,
    audio_seconds: f64,
    rtf: f64,
    files_failed: usize,
    rss_bytes: Option<u64>,
    peak_rss_bytes: Option<u64>,
}

/// Adds up audio and failures.
#[derive(Default)]
struct Sums(Mutex<(f64, usize)>);

impl Watcher for Sums {
    fn notice(&self, _: usize, notice: Notice<'_>) {
        let mut sums = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match notice {
            Notice::Done { transcript } => sums.0 += transcript.duration,
            Notice::Failed { failure } => {
                sums.1 += 1;
                // The log of a benchmark: what failed is worth a line.
                let _ = writeln!(io::stderr(), "failed: {}: {}", failure.reason, failure.message);
            }
            Notice::Heard { .. } | Notice::Skipped { .. } => {}
        }
    }
}

/// Runs the benchmark. Gives the exit code.
///
/// # Errors
/// [`CommandError`] when the inputs do not fit together, when there is no engine, or when a line cannot be written.
pub fn bench(options: &Bench, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let failed = |error: io::Error| CommandError::configuration(&error);
    let mut out: Box<dyn Write> = if options.json.as_os_str() == "-" {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(&options.json).map_err(failed)?)
    };
    let formats = [Format::Json];
    let plan = inputs::plan(&options.inputs, &Output::Folder(options.output.clone()), &formats)
        .map_err(|error| CommandError::Usage(verbatim_text::error_chain(&error)))?;
    let wanted = engine_options(&options.recognition, &options.compute);
    let engines = Arc::new(Engines::new(say));
    let mut engine = if options.alone {
        verbatim_engine::load::load(&wanted).map_err(|error| CommandError::configuration(&error))?
    } else {
        load(&wanted, Policy::default(), engines.clone(), &AtomicBool::new(false))
            .map_err(|error| CommandError::configuration(&error))?
    };
    writeln!(out, "{{\"ready\": true}}").and_then(|()| out.flush()).map_err(failed)?;
    let mut lines = io::stdin().lock().lines();
    let mut failures = 0;
    for run in 1..=options.repeat {
        if options.step && lines.next().is_none() {
            break;
        }
        let (sums, started) = (Sums::default(), Instant::now());
        Run {
            items: &plan.items,
            formats: &formats,
            overwrite: Overwrite::Always,
            origin: Origin { model: engine.model().digest, config: wanted.config_digest() },
            watcher: &sums,
            stdout: &|_| Ok(()),
        }
        .run(engine.as_mut(), &AtomicBool::new(false));
        let wall_seconds = started.elapsed().as_secs_f64();
        let (audio_seconds, files_failed) =
            sums.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        failures += files_failed;
        let measured = Measured {
            run,
            wall_seconds,
            audio_seconds,
            rtf: wall_seconds / audio_seconds,
            files_failed,
            rss_bytes: engines.figures().resident.or_else(memory::resident),
            peak_rss_bytes: engines.figures().peak.or_else(memory::peak),
        };
        let line = serde_json::to_string(&measured).map_err(|error| CommandError::configuration(&error))?;
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(failed)?;
    }
    Ok(if failures == 0 { exit::DONE } else { exit::SOME_FAILED })
}
