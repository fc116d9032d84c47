//! Remaining work, from the ledger's progress.

use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};

/// Bytes per second of audio before there are measurements: 64 kbit/s, between telephone Opus (3000) and 16
/// kHz PCM (32 000). Rather too low than too high: more audio means more workers, and the first measurements
/// correct it.
pub(super) const GUESSED_BYTES_PER_SECOND: f64 = 8000.0;
/// Lowest plausible bytes per second of audio: Codec 2, 700 bit/s.
const MIN_BYTES_PER_SECOND: f64 = 80.0;

/// Remaining work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backlog {
    /// Audio without an outcome, in seconds.
    pub(super) audio_seconds: f64,
    /// Mean audio of a shard, in seconds.
    pub(super) shard_seconds: f64,
    /// Shards that are not done.
    pub(super) open_shards: u32,
    /// Whether the audio is estimated from a constant instead of measurements.
    pub(super) guessed: bool,
}

/// Remaining work, once there is a plan. `in_flight` is the finished audio of recordings in flight, in
/// seconds.
pub(super) fn remaining(job: Option<&JobProgress>, in_flight: f64) -> Option<Backlog> {
    let job = job.filter(|job| job.phase != LedgerPhase::Unplanned)?;
    let open_shards = job.shards.saturating_sub(job.shards_done);
    let done = job.bytes_done.min(job.bytes);
    let worked = done.saturating_sub(job.bytes_skipped);
    let seen = (worked > 0 && job.audio_milliseconds > 0)
        .then(|| (job.audio_milliseconds as f64 / 1e3 / worked as f64).min(1.0 / MIN_BYTES_PER_SECOND));
    let seconds_per_byte = seen.unwrap_or(1.0 / GUESSED_BYTES_PER_SECOND);
    // The share of recordings to skip is the same in the rest as in what is done. Recordings in flight are
    // work, and half done on average: without them, recordings that are skipped at once would count too much.
    let begun = seen.map_or(0.0, |seconds_per_byte| 2.0 * in_flight / seconds_per_byte);
    let fresh = if worked > 0 { (worked as f64 + begun) / (done as f64 + begun) } else { 1.0 };
    let rest = (job.bytes - done) as f64;
    let under_way = (job.bytes_under_way as f64).min(rest) * seconds_per_byte;
    // Both measure finished audio of recordings in flight, of different workers or of the same.
    let ahead = (under_way * fresh).max(in_flight);
    Some(Backlog {
        audio_seconds: (rest * fresh * seconds_per_byte - ahead).max(0.0),
        shard_seconds: job.bytes as f64 * fresh * seconds_per_byte / job.shards.max(1) as f64,
        open_shards: u32::try_from(open_shards).unwrap_or(u32::MAX),
        guessed: seen.is_none(),
    })
}
