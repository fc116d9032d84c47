//! Arguments of `verbatim model`.

use clap::{Args, Subcommand};
use verbatim_crds::model::DEFAULT_MODEL;

/// Subcommands of `verbatim model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// List the models.
    List,
    /// Fetch, verify and prepare a model for offline use.
    Pull(PullModelArgs),
    /// Show the files, digests and licence of a model.
    Show(ShowModelArgs),
    /// Compare the digests of a model's files with the pinned ones.
    Verify(ModelNameArgs),
}

/// Name of a model.
#[derive(Args, Debug)]
pub struct ModelNameArgs {
    /// The model.
    #[arg(value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub name: String,
}

/// Options of `verbatim model pull`.
#[derive(Args, Debug)]
pub struct PullModelArgs {
    /// The model.
    #[arg(value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub name: String,
    /// Also fetch and prepare the files for NVIDIA GPUs (256 MB).
    #[arg(long)]
    pub gpu: bool,
}

/// Options of `verbatim model show`.
#[derive(Args, Debug)]
pub struct ShowModelArgs {
    /// The model.
    #[arg(value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub name: String,
    /// Print only the folder of the model's files.
    #[arg(long)]
    pub path: bool,
}
