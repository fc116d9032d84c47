//! Arguments of the commands over a job's ledger.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Args;
use verbatim_crds::contract::TERMINATION_LOG;
use verbatim_protocol::options::Device;

use super::OperationArgs;
use super::number::positive;

const WORKER_HELP: &str = "\
Works on a job together with any number of other workers. Workers share no state but the objects in the job's \
destination. A worker ends when nothing is left to claim and every claim is live. A pod runs this command; by hand, \
`verbatim run` does the same and stays until the whole job is done.

With --http, /job serves the progress of the whole job, all workers included, as JSON: counts of recordings, bytes and \
shards, and the last failures. At its end the worker writes its exit reason to the file of --termination-log, with the \
same totals if the job is complete.

Credentials come from the same places as for the AWS CLI: the environment, a profile, the identity of the machine or \
pod.

Exit codes: 0 nothing is left to claim, 75 drained after SIGTERM (run it again), 78 the configuration is wrong; any \
other: try again.";

/// Options of `verbatim worker`.
#[derive(Args, Debug)]
#[command(after_help = WORKER_HELP)]
pub struct WorkerArgs {
    /// The manifest; - reads standard input [default: the environment variable VERBATIM_JOB].
    #[arg(long, short, value_name = "MANIFEST")]
    pub file: Option<PathBuf>,
    /// Machine.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// File for a JSON summary at the end of the worker; written only if it exists.
    #[arg(long, value_name = "FILE", default_value = TERMINATION_LOG)]
    pub termination_log: PathBuf,
    /// Claims.
    #[command(flatten)]
    pub lease: LeaseArgs,
    /// Monitoring and shutdown.
    #[command(flatten)]
    pub operation: OperationArgs,
}

/// Resources of this machine. The manifest has everything else.
#[derive(Args, Debug)]
pub struct MachineArgs {
    /// Device of the model: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value_t = Device::Auto)]
    pub device: Device,
    /// Compute threads [default: one per processor].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroU16>,
    /// Folder for downloaded recordings [default: the one for temporary files].
    #[arg(long, value_name = "FOLDER")]
    pub spool: Option<PathBuf>,
}

/// Claims on shards.
#[derive(Args, Debug)]
#[command(next_help_heading = "Claims")]
pub struct LeaseArgs {
    /// Lease of a claim: a worker that does not renew it in this time loses its shards to other workers.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = positive)]
    pub lease: f64,
}

/// The job of a read-only command.
#[derive(Args, Debug)]
pub struct JobArgs {
    /// The manifest; - reads standard input.
    #[arg(long, short, value_name = "MANIFEST")]
    pub file: PathBuf,
}

/// Options of `verbatim status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Print the progress every few seconds until the job is complete.
    #[arg(long, short)]
    pub watch: bool,
    /// Print JSON, one object per update.
    #[arg(long)]
    pub json: bool,
}

/// Options of `verbatim plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
    /// List every recording with its planned action.
    #[arg(long, short)]
    pub list: bool,
}

/// Options of `verbatim report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Print CSV, one line per recording.
    #[arg(long)]
    pub csv: bool,
}
