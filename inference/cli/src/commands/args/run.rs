//! Words of `verbatim run`.

use std::path::PathBuf;

use clap::Args;

use super::{Here, Ledger, Operation};

const RUN_HELP: &str = "\
Source and destination are buckets (s3) or folders (file). What is done already is skipped, as the manifest's \
destination.overwrite says: a run that was stopped goes on when it is started again. Over S3 the same manifest can run \
on any number of machines at once: they share the work, and each recording is done once. Credentials come from where \
the AWS CLI has them. What a manifest says of clusters (scaling, maxFailedFiles, deadlines, template) has no effect here.

Examples:
  verbatim run -f job.yaml
  verbatim status -f job.yaml --watch     how far it is, from another terminal or machine
  verbatim plan -f job.yaml               what it would do
  verbatim report -f job.yaml --csv       what it did";

/// Options of `verbatim run`.
#[derive(Args, Debug)]
#[command(after_help = RUN_HELP)]
pub struct Run {
    /// The manifest; - reads it from standard input.
    #[arg(long, short, value_name = "MANIFEST")]
    pub file: PathBuf,
    /// What it runs on.
    #[command(flatten)]
    pub here: Here,
    /// How it works with others.
    #[command(flatten)]
    pub ledger: Ledger,
    /// How it is ended and looked at.
    #[command(flatten)]
    pub operation: Operation,
}
