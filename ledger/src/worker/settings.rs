//! Settings of a worker.

use std::path::PathBuf;
use std::time::Duration;

use verbatim_crds::destination::{Format, Overwrite};

/// Default lease: a claim that is not renewed for so long is taken over. It allows for three renewals, of
/// which two may be lost.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);

/// Default limit of recordings fetched ahead of the engine, which takes some tens of short ones at a time.
pub const DEFAULT_SPOOL_FILES: usize = 64;

/// Default limit of bytes fetched ahead of the engine: three hours of CD audio. A larger recording is fetched
/// alone.
pub const DEFAULT_SPOOL_BYTES: u64 = 2 << 30;

/// Default limit of a store's outage, after which the worker ends and is restarted: longer than what retries
/// bridge, and long enough for a person to notice.
pub const DEFAULT_MAX_OUTAGE: Duration = Duration::from_secs(600);

/// Settings of a worker.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Nonce of this start of the worker.
    pub owner: String,
    /// Name of the worker for people: its pod, or its machine and process.
    pub worker: String,
    /// A claim that is not renewed for so long is taken over.
    pub lease: Duration,
    /// Owners that may be lost with a file in flight before the file fails.
    pub max_attempts: u32,
    /// Whether to stay until every shard is finished; otherwise the worker ends once no shard can be claimed
    /// and every claim is live.
    pub stay: bool,
    /// Formats of each transcript.
    pub formats: Vec<Format>,
    /// Treatment of existing transcripts.
    pub overwrite: Overwrite,
    /// Digest of model and settings: a transcript with another digest is stale.
    pub digest: String,
    /// Folder of the spool.
    pub spool: PathBuf,
    /// Most recordings in the spool.
    pub spool_files: usize,
    /// Most bytes in the spool.
    pub spool_bytes: u64,
    /// Longest outage of a store, after which the worker ends.
    pub max_outage: Duration,
}

impl Settings {
    /// The formats in the order of their writes. The last one is the evidence: if it exists, so do the
    /// others.
    pub fn ordered_formats(&self) -> Vec<Format> {
        let mut formats = self.formats.clone();
        formats.sort_by_key(|format| write_order(*format));
        formats.dedup();
        formats
    }

    /// The format whose existence shows that a transcript is complete.
    pub fn evidence(&self) -> Format {
        self.ordered_formats().last().copied().unwrap_or(Format::Json)
    }
}

/// Sort key of a format in the order of writes. JSON is the original, so it is last; the others only need the
/// same order in all workers.
pub(crate) fn write_order(format: Format) -> (bool, Format) {
    (format == Format::Json, format)
}
