//! Arguments of `verbatim bench`.

use std::path::PathBuf;

use clap::Args;

use super::{ComputeArgs, RecognitionArgs};

/// Options of `verbatim bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Recordings, or folders of recordings.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the transcripts; each run overwrites them.
    #[arg(long, short, value_name = "FOLDER")]
    pub output: PathBuf,
    /// Number of runs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: u32,
    /// Wait for a line on standard input before each run; its end ends the benchmark.
    #[arg(long)]
    pub step: bool,
    /// Run the engine in this process, without a supervisor: the difference is the cost of the split.
    #[arg(long)]
    pub alone: bool,
    /// File for the JSON lines; - is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub json: PathBuf,
    /// Recognition.
    #[command(flatten)]
    pub recognition: RecognitionArgs,
    /// Machine.
    #[command(flatten)]
    pub compute: ComputeArgs,
}
