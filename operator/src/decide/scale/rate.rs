//! How much a worker does: sums over all workers, never a mean of ratios. Takes the samples of each look.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::WorkerSample;
use super::ledger::{Ledger, Told};
use super::track::{KEPT, Sums, Track};

/// Seconds for which a piece counts: short enough to follow a change of nodes or recordings ...
const WINDOW: f64 = 600.0;
/// ... and moves of counters that count in any case: noise of a third from recording to recording is 6 % then.
const MOVES: usize = 32;
/// Worker seconds before the sums are believed, of less than [`MOVES`] moves: two looks of half a minute.
const BELIEVABLE_SECONDS: f64 = 60.0;
/// Moves of counters before the sums are believed.
const BELIEVABLE_MOVES: usize = 4;
/// Times the median from which a worker is left out, from three workers on: one that lies must not stand for the others.
/// Where nodes do differ so much, the ledger puts it right ([`DISAGREE`]).
const FASTEST: f64 = 5.0;
/// Times the longest recording of late after which a worker whose counter does not move counts as standing still.
const STILL: f64 = 2.0;
/// Times by which counters and ledger may differ before the ledger is right: it is slower to tell, but it is made of
/// transcripts. Its own lag is a twentieth (`BELIEVABLE_SECONDS`), recordings in flight a sixth ([`RECORDINGS`]).
const DISAGREE: f64 = 1.25;
/// Times the longest recording of late that the ledger must have been watched to be held against counters.
const RECORDINGS: f64 = 6.0;
/// Times the mean that a worker counts as slow at most.
const SLOWEST: f64 = 5.0;

/// Worker seconds per audio second that can be: beyond, figures are nonsense.
const POSSIBLE: RangeInclusive<f64> = 1e-5..=1e4;

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
        let since = self.since(now);
        self.tracks.values_mut().for_each(|track| track.add_up(since));
    }

    /// From when pieces count, in seconds.
    fn since(&self, now: f64) -> f64 {
        let mut moves: Vec<f64> = self.tracks.values().flat_map(|track| track.moves().take(MOVES)).collect();
        if moves.len() <= MOVES {
            return now - KEPT;
        }
        let (_, last, _) = moves.select_nth_unstable_by(MOVES - 1, |one, other| other.total_cmp(one));
        last.min(now - WINDOW)
    }

    /// How fast workers are, once that is believable.
    pub(super) fn pace(&self, now: f64, ledger: &Ledger) -> Option<Pace> {
        self.agreed(now, ledger).filter(|pace| POSSIBLE.contains(&pace.real_time_factor))
    }

    /// What counters and ledger say together.
    fn agreed(&self, now: f64, ledger: &Ledger) -> Option<Pace> {
        let known = ledger.told();
        let Some((pace, longest)) = self.told(now) else {
            return known
                .map(|Told { real_time_factor, .. }| Pace { real_time_factor, slowest: real_time_factor });
        };
        let Some(Told { real_time_factor, watched, whole }) = known else { return Some(pace) };
        let sure = watched >= RECORDINGS * longest;
        let slower = pace.real_time_factor > DISAGREE * real_time_factor && (sure || whole);
        let faster = pace.real_time_factor * DISAGREE < real_time_factor && sure;
        if !slower && !faster {
            return Some(pace);
        }
        Some(Pace {
            real_time_factor,
            slowest: pace.slowest.clamp(real_time_factor, SLOWEST * real_time_factor),
        })
    }

    /// How fast workers are by what they told, and how long the longest recording of late took, in seconds.
    fn told(&self, now: f64) -> Option<(Pace, f64)> {
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
        for (sums, _) in each.iter().filter(|(sums, _)| sums.audio <= most * sums.seconds) {
            all.moves += sums.moves;
            all.seconds += sums.seconds;
            all.longest = all.longest.max(sums.longest);
            all.audio += sums.audio;
        }
        // Many moves make up for little time: quick looks at short recordings.
        let believable =
            all.moves >= MOVES || (all.moves >= BELIEVABLE_MOVES && all.seconds >= BELIEVABLE_SECONDS);
        if !believable || all.audio <= 0.0 {
            return None;
        }
        // Who stands still does nothing, and takes its time.
        let still: f64 = each.iter().map(|(_, pending)| (pending - STILL * all.longest).max(0.0)).sum();
        let real_time_factor = (all.seconds + still) / all.audio;
        let slow = speeds[speeds.len() / 20];
        let slowest = if slow > 0.0 { 1.0 / slow } else { real_time_factor };
        let slowest = slowest.clamp(real_time_factor, SLOWEST * real_time_factor);
        // What is in flight may be longer than all of late; the median leaves out who stands still.
        let mut pending: Vec<f64> = each.iter().map(|(_, pending)| *pending).collect();
        pending.sort_unstable_by(f64::total_cmp);
        Some((Pace { real_time_factor, slowest }, all.longest.max(pending[pending.len() / 2])))
    }

    /// The workers that are there: seconds since each was ready, and its seconds per audio second.
    pub(super) fn each(&self, now: f64, pace: &Pace) -> Vec<(f64, f64)> {
        let mean = pace.real_time_factor;
        let there = self.tracks.values().filter(|track| track.heard_of(now));
        there
            .map(|track| {
                let Sums { moves, seconds, audio, .. } = track.sums();
                let own = if moves == 0 || audio <= 0.0 { mean } else { seconds / audio };
                (track.up(now), own.clamp(mean / FASTEST, SLOWEST * mean))
            })
            .collect()
    }

    /// Audio seconds that are done of recordings in flight: what workers do in the time since their counters moved.
    pub(super) fn in_flight(&self, now: f64, pace: Option<&Pace>) -> f64 {
        let Some(pace) = pace else { return 0.0 };
        let longest = self.tracks.values().map(|track| track.sums().longest).fold(0.0, f64::max);
        let pending: f64 = self.tracks.values().map(|track| track.pending(now).min(STILL * longest)).sum();
        pending / pace.real_time_factor
    }
}
