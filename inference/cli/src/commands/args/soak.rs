//! Words of `verbatim soak`.

use std::path::PathBuf;

use clap::Args;
use verbatim_crds::failure_policy;

use super::{Compute, Limits, Operation, Recognition, positive};
use verbatim_soak::inject::Injection;
use verbatim_supervisor::policy::DEFAULT_WEDGED_AFTER;

const SOAK_HELP: &str = "\
Writes into FOLDER: report.html, report.md and report.zh-CN.md with the verdict; results.jsonl with a line for each \
file and round; resources.csv with a line for each process and second; events.jsonl with what became of engines.

Faults (--inject) show that the guard works. KIND is crash, hang, oom, malformed, kill or stop:
  leak=20MB/file     the engine keeps 20 MB of each file
  KIND@17            the 17th file of the soak, the first time that it is tried
  KIND=bad.wav       every attempt at every file of that name
  random=300         300 faults of all kinds at random files; --seed repeats them

Exit codes: 0 flat or not decided, nothing lost; 1 files failed, results differ, or memory leaks and no leak was \
injected; 2, 78 and above as elsewhere.

Examples:
  verbatim soak calls/ -o soak --rounds 200
  verbatim soak calls/ -o soak --hours 24 --concurrency 4 --http 9464
  verbatim soak calls/ -o soak --inject leak=20MB/file --memory-soft-limit 600Mi";

/// Options of `verbatim soak`.
#[derive(Args, Debug)]
#[command(after_help = SOAK_HELP)]
pub struct Soak {
    /// Recordings, or folders of recordings.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the report; it is made if it is not there.
    #[arg(long, short, value_name = "FOLDER")]
    pub output: PathBuf,
    /// How often each file is transcribed, all phases together [default: 200].
    #[arg(long, value_name = "N", conflicts_with = "hours")]
    pub rounds: Option<std::num::NonZeroU32>,
    /// How long it goes on, instead of rounds; 0.5 is half an hour.
    #[arg(long, value_name = "H", value_parser = positive)]
    pub hours: Option<f64>,
    /// Files in flight together; several numbers, separated by commas, are phases one after the other.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,4")]
    pub concurrency: Vec<std::num::NonZeroU16>,
    /// A fault to suffer; may be given more than once.
    #[arg(long, value_name = "FAULT")]
    pub inject: Vec<Injection>,
    /// Seed of everything random [default: from the clock].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Least time without a sign of progress after which the engine counts as hanging, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_WEDGED_AFTER.as_secs_f64(), value_parser = positive)]
    pub wedged_after: f64,
    /// Times that a file is tried alone before it counts as failed.
    #[arg(long, value_name = "N", default_value_t = failure_policy::DEFAULT_MAX_ATTEMPTS_PER_FILE,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_attempts: u32,
    /// What is recognised.
    #[command(flatten)]
    pub recognition: Recognition,
    /// What it runs on.
    #[command(flatten)]
    pub compute: Compute,
    /// When an engine is replaced.
    #[command(flatten)]
    pub limits: Limits,
    /// How it is ended and looked at.
    #[command(flatten)]
    pub operation: Operation,
}
