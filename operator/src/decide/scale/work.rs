//! How much is left to do. Takes the ledger's figures.

use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};

/// Bytes of a second of audio where nothing is known: 64 kbit/s, between a telephone's Opus (3000) and 16 kHz PCM (32 000).
/// Rather too few bytes than too many: more audio means more workers, and the first figures put it right.
pub(super) const GUESSED_BYTES_A_SECOND: f64 = 8000.0;
/// Bytes a second below which a guess from figures is not believed: Codec 2, 700 bit/s.
const FEWEST_BYTES_A_SECOND: f64 = 80.0;

/// What is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Audio without an outcome, in seconds.
    pub(super) audio_seconds: f64,
    /// Audio of a shard, in seconds, on average.
    pub(super) shard_seconds: f64,
    /// Shards that are not done.
    pub(super) open_shards: u32,
    /// It is from a constant, not from what was seen.
    pub(super) guessed: bool,
}

/// What is left, once there is a plan. `in_flight` is audio of recordings in flight that is done already, in seconds.
pub(super) fn left(job: Option<&JobProgress>, in_flight: f64) -> Option<Work> {
    let job = job.filter(|job| job.phase != LedgerPhase::Unplanned)?;
    let open_shards = job.shards.saturating_sub(job.shards_done);
    let done = job.bytes_done.min(job.bytes);
    let worked = done.saturating_sub(job.bytes_skipped);
    let seen = (worked > 0 && job.audio_milliseconds > 0)
        .then(|| (job.audio_milliseconds as f64 / 1e3 / worked as f64).min(1.0 / FEWEST_BYTES_A_SECOND));
    let seconds_a_byte = seen.unwrap_or(1.0 / GUESSED_BYTES_A_SECOND);
    // As much of the rest will be there already as of what was looked at.
    // What is in flight is work, and half done on average: without it, what is skipped at once counts for too much.
    let begun = seen.map_or(0.0, |seconds_a_byte| 2.0 * in_flight / seconds_a_byte);
    let fresh = if worked > 0 { (worked as f64 + begun) / (done as f64 + begun) } else { 1.0 };
    let rest = (job.bytes - done) as f64;
    let under_way = (job.bytes_under_way as f64).min(rest) * seconds_a_byte;
    // Both say how much of recordings in flight is done, of different workers or of the same.
    let ahead = (under_way * fresh).max(in_flight);
    Some(Work {
        audio_seconds: (rest * fresh * seconds_a_byte - ahead).max(0.0),
        shard_seconds: job.bytes as f64 * fresh * seconds_a_byte / job.shards.max(1) as f64,
        open_shards: u32::try_from(open_shards).unwrap_or(u32::MAX),
        guessed: seen.is_none(),
    })
}
