//! Arguments of the command line.

mod bench;
mod engine;
mod job;
mod model;
mod number;
mod run;
mod soak;
mod supervision;
mod transcribe;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    bench::BenchArgs,
    engine::{Channels, ComputeArgs, RecognitionArgs, VadArgs, engine_options_from_args, threads},
    job::{JobArgs, LeaseArgs, MachineArgs, PlanArgs, ReportArgs, StatusArgs, WorkerArgs},
    model::{ModelCommand, ModelNameArgs, PullModelArgs, ShowModelArgs},
    run::RunArgs,
    soak::SoakArgs,
    supervision::{MemoryLimitArgs, OperationArgs},
    transcribe::{Overwrite, TranscribeArgs},
};

const EXAMPLES: &str = "\
Examples:
  verbatim transcribe talk.mp3                    print the transcript of one recording
  verbatim transcribe calls/ -o transcripts/      transcribe a folder
  verbatim transcribe a.wav b.flac -o . --formats json,srt
  ffmpeg -i film.mkv -f wav - | verbatim transcribe -
  verbatim run -f job.yaml                        run a TranscriptionJob manifest
  verbatim status -f job.yaml --watch             follow the progress of a job, from any machine
  verbatim soak calls/ -o soak/                   test whether memory stays flat
  verbatim model verify                           check the model's files

Exit codes:
  0    every recording has its transcript
  1    some recordings failed; all others are done and written
  2    the command line is wrong
  75   drained after SIGTERM, with --grace-period: run it again for the rest
  78   the manifest, the model or something that the model needs is wrong
  130, 143  interrupted (Ctrl-C, SIGTERM): finished work is kept, no file is half-written";

/// Turns recordings into transcripts.
#[derive(Debug, Parser)]
#[command(name = "verbatim", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Messages on standard error.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Messages on standard error.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Print errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Format of messages on standard error.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// Format of messages on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Transcribe files and folders.
    Transcribe(TranscribeArgs),
    /// Run a TranscriptionJob manifest on this machine.
    Run(RunArgs),
    /// Work on a job of a cluster until nothing is left to claim.
    Worker(WorkerArgs),
    /// Show what a job would do: its recordings, their size, and what is skipped and why.
    Plan(PlanArgs),
    /// Show the progress of a job, from any machine.
    Status(StatusArgs),
    /// Show the outcome of each recording of a finished job.
    Report(ReportArgs),
    /// Transcribe recordings repeatedly, and report whether memory stays flat.
    Soak(SoakArgs),
    /// List, fetch, show or check models.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Print the JSON schema of a transcript.
    #[command(hide = true)]
    Schema,
    /// Process that a supervisor starts; not for use by hand.
    #[command(hide = true)]
    Engine,
    /// Transcribe the same files repeatedly, for the benchmark.
    #[command(hide = true)]
    Bench(BenchArgs),
}
