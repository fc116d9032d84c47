//! How much a worker does: sums over all workers, never a mean of ratios. Takes the samples of each look.

use std::collections::BTreeMap;

use verbatim_crds::contract::messages::JobProgress;

use super::WorkerSample;
use super::track::{Sums, Track};

/// Worker seconds before the sums are believed: two looks of half a minute.
const BELIEVABLE_SECONDS: f64 = 60.0;
/// Moves of counters before the sums are believed.
const BELIEVABLE_PIECES: usize = 4;
/// Times the median that a worker counts at most, from three workers on: nodes differ by less, and one that lies must not
/// stand for the others.
const FASTEST: f64 = 8.0;
/// Mean times between moves after which a worker that does not move counts as standing still.
const STILL: f64 = 3.0;
/// Times what the ledger has that counters may say: it is behind by a renewal of a claim.
const BEYOND_LEDGER: f64 = 2.0;
/// Audio seconds that counters may be ahead of the ledger in any case.
const AHEAD: f64 = 3600.0;

/// How fast workers are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Worker seconds per audio second.
    pub(super) real_time_factor: f64,
    /// The same of the slowest workers; never below the other.
    pub(super) slowest: f64,
}

/// All workers.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    tracks: BTreeMap<String, Track>,
}

impl Rates {
    /// Takes what workers told.
    pub(super) fn look(&mut self, now: f64, samples: &[WorkerSample]) {
        for sample in samples {
            if let Some(track) = self.tracks.get_mut(&sample.name) {
                track.look(now, sample);
            } else if let Some(track) = Track::new(now, sample) {
                self.tracks.insert(sample.name.clone(), track);
            }
        }
        self.tracks.values_mut().for_each(|track| track.forget(now));
        self.tracks.retain(|_, track| !track.is_over(now));
    }

    /// How fast workers are, once that is believable.
    pub(super) fn pace(&self, now: f64, job: Option<&JobProgress>) -> Option<Pace> {
        let each: Vec<(Sums, f64)> =
            self.tracks.values().map(|track| (track.sums(), track.pending(now))).collect();
        let mut speeds: Vec<f64> = each
            .iter()
            .filter(|(sums, _)| sums.seconds > 0.0)
            .map(|(sums, _)| sums.audio / sums.seconds)
            .collect();
        speeds.sort_unstable_by(f64::total_cmp);
        let median = *speeds.get(speeds.len() / 2)?;
        let most = if speeds.len() < 3 { f64::INFINITY } else { FASTEST * median };
        let mut all = Sums::default();
        for (sums, _) in &each {
            all.pieces += sums.pieces;
            all.seconds += sums.seconds;
            all.audio += sums.audio.min(most * sums.seconds);
        }
        if all.pieces < BELIEVABLE_PIECES || all.seconds < BELIEVABLE_SECONDS || all.audio <= 0.0 {
            return None;
        }
        if job.is_some_and(|job| all.audio > BEYOND_LEDGER * job.audio_milliseconds as f64 / 1e3 + AHEAD) {
            return None;
        }
        // Who stands still does nothing, and takes its time.
        let between = all.seconds / all.pieces as f64;
        let still: f64 = each.iter().map(|(_, pending)| (pending - STILL * between).max(0.0)).sum();
        let real_time_factor = (all.seconds + still) / all.audio;
        let slow = speeds[speeds.len() / 20];
        let slowest = if slow > 0.0 { 1.0 / slow } else { real_time_factor };
        Some(Pace { real_time_factor, slowest: slowest.max(real_time_factor) })
    }

    /// Audio seconds that are done of recordings in flight: what workers do in the time since their counters moved.
    pub(super) fn in_flight(&self, now: f64, pace: Option<&Pace>) -> f64 {
        let Some(pace) = pace else { return 0.0 };
        let (pieces, seconds) = self
            .tracks
            .values()
            .map(Track::sums)
            .fold((0, 0.0), |(pieces, seconds), sums| (pieces + sums.pieces, seconds + sums.seconds));
        let between = if pieces > 0 { seconds / pieces as f64 } else { 0.0 };
        let pending: f64 = self.tracks.values().map(|track| track.pending(now).min(STILL * between)).sum();
        pending / pace.real_time_factor
    }
}
