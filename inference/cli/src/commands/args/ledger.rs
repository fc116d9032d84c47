//! Words of the commands that work over a job's ledger.

use std::path::PathBuf;

use clap::Args;

use super::Operation;
use verbatim_protocol::options::Device;

const WORKER_HELP: &str = "\
Works on a job together with any number of other workers: all that they know of each other is in the job's destination. \
It ends when nothing can be claimed and every claim is live. This is what a pod runs; by hand, `verbatim run` does the \
same and stays until everything is done.

With --http, /job answers how far the whole job is, that of all workers, as JSON: numbers of recordings, bytes and shards, \
and the last failures. When it ends, the file of --termination-log says why and, where the job is over, the same sums.

Credentials come from where the AWS CLI has them: the environment, a profile, the machine's or pod's identity.

Exit codes: 0 nothing is left to claim, 75 drained after SIGTERM (run it again), 78 the configuration is wrong, others: \
try again.";

/// Options of `verbatim worker`.
#[derive(Args, Debug)]
#[command(after_help = WORKER_HELP)]
pub struct Worker {
    /// The manifest; - reads it from standard input [default: what the environment variable VERBATIM_JOB says].
    #[arg(long, short, value_name = "MANIFEST")]
    pub file: Option<PathBuf>,
    /// What it runs on.
    #[command(flatten)]
    pub here: Here,
    /// File for a summary in JSON when it ends, if the file is there.
    #[arg(long, value_name = "FILE", default_value = verbatim_crds::contract::TERMINATION_LOG)]
    pub termination_log: PathBuf,
    /// How it works with others.
    #[command(flatten)]
    pub ledger: Ledger,
    /// How it is ended and looked at.
    #[command(flatten)]
    pub operation: Operation,
}

/// What this machine gives to a job. The rest is in the manifest.
#[derive(Args, Debug)]
pub struct Here {
    /// Where the model runs: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value_t = Device::Auto)]
    pub device: Device,
    /// Threads that compute [default: one for each processor].
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroU16>,
    /// Folder for recordings that are fetched [default: the one for temporary files].
    #[arg(long, value_name = "FOLDER")]
    pub spool: Option<PathBuf>,
}

/// How a worker works with others.
#[derive(Args, Debug)]
#[command(next_help_heading = "Working together")]
pub struct Ledger {
    /// A worker that shows no sign of life for so many seconds loses what it has claimed to others.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = super::positive)]
    pub lease: f64,
}

/// Options of the commands that look at a job.
#[derive(Args, Debug)]
pub struct Look {
    /// The manifest; - reads it from standard input.
    #[arg(long, short, value_name = "MANIFEST")]
    pub file: PathBuf,
}

/// Options of `verbatim status`.
#[derive(Args, Debug)]
pub struct Status {
    /// Which job.
    #[command(flatten)]
    pub look: Look,
    /// Look again every few seconds, until the job is over.
    #[arg(long, short)]
    pub watch: bool,
    /// Print JSON, an object a look.
    #[arg(long)]
    pub json: bool,
}

/// Options of `verbatim plan`.
#[derive(Args, Debug)]
pub struct Plan {
    /// Which job.
    #[command(flatten)]
    pub look: Look,
    /// List every recording, and what would become of it.
    #[arg(long, short)]
    pub list: bool,
}

/// Options of `verbatim report`.
#[derive(Args, Debug)]
pub struct Report {
    /// Which job.
    #[command(flatten)]
    pub look: Look,
    /// Print a line of CSV for each recording.
    #[arg(long)]
    pub csv: bool,
}
