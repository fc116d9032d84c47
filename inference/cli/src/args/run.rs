//! Arguments of `verbatim run`.

use std::path::PathBuf;

use clap::Args;

use super::{LeaseArgs, MachineArgs, OperationArgs};

const RUN_HELP: &str = "\
Source and destination are buckets (s3) or folders (file). Recordings with a transcript are skipped as the manifest's \
destination.overwrite says; an interrupted run therefore resumes when it is started again. Over S3, any number of \
machines can run the same manifest at once: they share the work, and each recording is done once. Credentials come \
from the same places as for the AWS CLI. Settings for clusters (scaling, maxFailedFiles, deadlines, template) have no \
effect here.

Examples:
  verbatim run -f job.yaml
  verbatim status -f job.yaml --watch     follow its progress, from another terminal or machine
  verbatim plan -f job.yaml               show what it would do
  verbatim report -f job.yaml --csv       show what it did";

/// Options of `verbatim run`.
#[derive(Args, Debug)]
#[command(after_help = RUN_HELP)]
pub struct RunArgs {
    /// The manifest; - reads standard input.
    #[arg(long, short, value_name = "MANIFEST")]
    pub file: PathBuf,
    /// Machine.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Claims.
    #[command(flatten)]
    pub lease: LeaseArgs,
    /// Monitoring and shutdown.
    #[command(flatten)]
    pub operation: OperationArgs,
}
