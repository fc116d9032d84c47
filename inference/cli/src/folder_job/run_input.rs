//! Input of a run: all that it needs but the engine.

use std::io;

use verbatim_crds::destination::{Format, Overwrite};

use super::listener::Listener;
use super::plan::Recording;

/// Digests that a fresh transcript has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Digest of the model.
    pub model: String,
    /// Digest of the settings of all recordings.
    pub config: String,
}

/// Input of a run.
pub struct RunInput<'a> {
    /// The recordings.
    pub recordings: &'a [Recording],
    /// Formats of each transcript that does not go to standard output.
    pub formats: &'a [Format],
    /// Treatment of a recording whose transcript exists.
    pub overwrite: Overwrite,
    /// Digests of model and settings.
    pub origin: Origin,
    /// Gets all events.
    pub listener: &'a dyn Listener,
    /// Writes a transcript to standard output.
    pub stdout: &'a (dyn Fn(&[u8]) -> io::Result<()> + Sync),
}
