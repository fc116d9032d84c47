//! Words of `verbatim model`.

use clap::{Args, Subcommand};
use verbatim_crds::model::DEFAULT_MODEL;

/// Subcommands of `verbatim model`.
#[derive(Debug, Subcommand)]
pub enum Model {
    /// List the models.
    List,
    /// Fetch a model, check its digests, and prepare it; offline afterwards.
    Pull(PullModel),
    /// Show a model's files, digests and licence.
    Show(ShowModel),
    /// Compute a model's digests and hold them against those that are pinned.
    Verify(ModelName),
}

/// A model's name.
#[derive(Args, Debug)]
pub struct ModelName {
    /// The model.
    #[arg(value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub name: String,
}

/// What `verbatim model pull` fetches.
#[derive(Args, Debug)]
pub struct PullModel {
    /// The model.
    #[arg(value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub name: String,
    /// Fetch and prepare what an NVIDIA GPU needs as well (256 MB).
    #[arg(long)]
    pub gpu: bool,
}

/// What `verbatim model show` shows.
#[derive(Args, Debug)]
pub struct ShowModel {
    /// The model.
    #[arg(value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub name: String,
    /// Print only the folder of its files.
    #[arg(long)]
    pub path: bool,
}
