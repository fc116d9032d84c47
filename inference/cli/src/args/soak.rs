//! Arguments of `verbatim soak`.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::Args;
use verbatim_crds::failure_policy;

use super::number::positive;
use super::{ComputeArgs, MemoryLimitArgs, OperationArgs, RecognitionArgs};
use verbatim_soak::inject::Injection;
use verbatim_supervisor::policy::DEFAULT_WEDGED_AFTER;

const SOAK_HELP: &str = "\
Writes into FOLDER: report.html, report.md and report.zh-CN.md with the verdict; results.jsonl, one line per file and \
round; resources.csv, one line per process and second; events.jsonl, the events of engines.

Injected faults (--inject) test the supervisor. KIND is crash, hang, oom, malformed, kill or stop:
  leak=20MB/file     the engine leaks 20 MB per file
  KIND@17            the 17th file of the soak, on its first attempt
  KIND=bad.wav       every attempt at every file of that name
  random=300         300 faults of all kinds at random files; --seed repeats them

Exit codes: 0 memory is flat or undecided, and nothing was lost; 1 files failed, results differ, or memory leaks \
although no leak was injected; 2, 78 and above as for the other commands.

Examples:
  verbatim soak calls/ -o soak --rounds 200
  verbatim soak calls/ -o soak --hours 24 --concurrency 4 --http 9464
  verbatim soak calls/ -o soak --inject leak=20MB/file --memory-soft-limit 600Mi";

/// Options of `verbatim soak`.
#[derive(Args, Debug)]
#[command(after_help = SOAK_HELP)]
pub struct SoakArgs {
    /// Recordings, or folders of recordings.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the report; created if missing.
    #[arg(long, short, value_name = "FOLDER")]
    pub output: PathBuf,
    /// Times that each file is transcribed, over all phases [default: 200].
    #[arg(long, value_name = "N", conflicts_with = "hours")]
    pub rounds: Option<NonZeroU32>,
    /// Duration of the soak, instead of a number of rounds; 0.5 is half an hour.
    #[arg(long, value_name = "H", value_parser = positive)]
    pub hours: Option<f64>,
    /// Files in flight at once; several numbers, separated by commas, are consecutive phases.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,4")]
    pub concurrency: Vec<NonZeroU16>,
    /// Fault to inject; may be repeated.
    #[arg(long, value_name = "FAULT")]
    pub inject: Vec<Injection>,
    /// Seed of all random choices [default: from the clock].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Shortest time without progress after which an engine counts as hung, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_WEDGED_AFTER.as_secs_f64(), value_parser = positive)]
    pub wedged_after: f64,
    /// Attempts at a file alone before it counts as failed.
    #[arg(long, value_name = "N", default_value_t = failure_policy::DEFAULT_MAX_ATTEMPTS_PER_FILE,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_attempts: u32,
    /// Recognition.
    #[command(flatten)]
    pub recognition: RecognitionArgs,
    /// Machine.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Memory limits of the engine.
    #[command(flatten)]
    pub limits: MemoryLimitArgs,
    /// Monitoring and shutdown.
    #[command(flatten)]
    pub operation: OperationArgs,
}
