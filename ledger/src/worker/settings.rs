//! What a worker has to go by.

use std::path::PathBuf;
use std::time::Duration;

use verbatim_crds::destination::{Format, Overwrite};

use crate::freshness::write_order;

/// A claim that is not renewed for so long is taken over. Three renewals fit in: two may be lost.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);

/// Recordings that are fetched ahead of the engine, at most: it takes some tens of short ones at a time.
pub const DEFAULT_SPOOL_FILES: usize = 64;

/// Bytes that are fetched ahead of the engine, at most: an hour of CD audio three times. A larger recording is fetched
/// alone.
pub const DEFAULT_SPOOL_BYTES: u64 = 2 << 30;

/// A store that answers nothing for so long ends the worker, which is then started again: an outage is longer than what
/// retries bridge, and a person may have to look.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(600);

/// What a worker has to go by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A nonce that this start of the worker drew.
    pub owner: String,
    /// The worker's name for people: its pod, or its machine and process.
    pub worker: String,
    /// A claim that is not renewed for so long is taken over.
    pub lease: Duration,
    /// Times that a file may be in flight when an owner is lost before it fails.
    pub max_attempts: u32,
    /// Whether to stay until every shard is done; otherwise the worker leaves when nothing can be claimed and every
    /// claim is live.
    pub stay: bool,
    /// The formats of each transcript.
    pub formats: Vec<Format>,
    /// What to do where a transcript is there already.
    pub overwrite: Overwrite,
    /// Digest of model and settings: a transcript of another digest is stale.
    pub digest: String,
    /// Folder for recordings that are fetched.
    pub spool: PathBuf,
    /// Recordings in that folder, at most.
    pub spool_files: usize,
    /// Their bytes, at most.
    pub spool_bytes: u64,
    /// How long a store may answer nothing.
    pub patience: Duration,
}

impl Settings {
    /// The formats in the order in which they are written. The last one is the evidence: where it is, the others are.
    pub fn ordered_formats(&self) -> Vec<Format> {
        write_order(&self.formats)
    }

    /// The format whose presence says that a transcript is whole.
    pub fn evidence(&self) -> Format {
        self.ordered_formats().last().copied().unwrap_or(Format::Json)
    }
}

/// The key of a transcript in a format.
pub fn transcript_key(target: &str, format: Format) -> String {
    format!("{target}.{}", format.extension())
}
