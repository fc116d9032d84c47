//! Rate of the fleet: sums over all workers, never a mean of ratios.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::input::WorkerSample;
use super::ledger_rate::{LedgerRate, Measured};
use super::worker_rate::{KEPT, Sums, WorkerRate};

/// Window in seconds: short enough to follow a change of nodes or recordings ...
const WINDOW: f64 = 600.0;
/// ... but at least this many increments: a noise of a third per recording is 6 % then.
const INCREMENTS: usize = 32;
/// Worker seconds before sums of fewer than [`INCREMENTS`] increments are reliable: two scrapes of half a
/// minute.
const RELIABLE_SECONDS: f64 = 60.0;
/// Increments of counters before sums are reliable.
const RELIABLE_INCREMENTS: usize = 4;
/// Multiple of the median rate above which a worker is left out, given three workers or more: one wrong
/// counter must not represent the others. Where nodes differ that much, the ledger corrects the rate
/// ([`DISAGREE`]).
const FASTEST: f64 = 5.0;
/// Multiple of the longest recent recording after which a worker whose counter does not grow counts as idle.
const IDLE: f64 = 2.0;
/// Ratio between counters and ledger above which the ledger is used: it is slower, but it counts transcripts.
/// Its own lag is a twentieth (`RELIABLE_SECONDS`), recordings in flight are a sixth ([`RECORDINGS`]).
const DISAGREE: f64 = 1.25;
/// Multiple of the longest recent recording for which the ledger is watched before it is compared with
/// counters.
const RECORDINGS: f64 = 6.0;
/// Largest multiple of the mean real-time factor for one worker.
const SLOWEST: f64 = 5.0;

/// Plausible worker seconds per audio second.
const PLAUSIBLE: RangeInclusive<f64> = 1e-5..=1e4;

/// Speed of the workers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Worker seconds per audio second.
    pub(super) real_time_factor: f64,
    /// The same for the slowest workers; never below the mean.
    pub(super) slowest: f64,
}

/// Histories of all workers.
#[derive(Clone, Debug, Default)]
pub(super) struct FleetRate {
    workers: BTreeMap<String, WorkerRate>,
}

impl FleetRate {
    /// Adds the current samples.
    pub(super) fn update(&mut self, now: f64, samples: &[WorkerSample]) {
        for sample in samples {
            if let Some(worker) = self.workers.get_mut(&sample.name) {
                worker.update(now, sample);
            } else if let Some(worker) = WorkerRate::new(now, sample) {
                self.workers.insert(sample.name.clone(), worker);
            }
        }
        self.workers.values_mut().for_each(|worker| worker.expire(now));
        self.workers.retain(|_, worker| !worker.is_expired(now));
        let since = self.since(now);
        self.workers.values_mut().for_each(|worker| worker.add_up(since));
    }

    /// Start of the window, in seconds.
    fn since(&self, now: f64) -> f64 {
        let mut increments: Vec<f64> =
            self.workers.values().flat_map(|worker| worker.increments().take(INCREMENTS)).collect();
        if increments.len() <= INCREMENTS {
            return now - KEPT;
        }
        let (_, last, _) =
            increments.select_nth_unstable_by(INCREMENTS - 1, |one, other| other.total_cmp(one));
        last.min(now - WINDOW)
    }

    /// Speed of the workers, once it is reliable.
    pub(super) fn pace(&self, now: f64, ledger: &LedgerRate) -> Option<Pace> {
        self.combined(now, ledger).filter(|pace| PLAUSIBLE.contains(&pace.real_time_factor))
    }

    /// Speed from counters and ledger.
    fn combined(&self, now: f64, ledger: &LedgerRate) -> Option<Pace> {
        let measured = ledger.measured();
        let Some((pace, longest)) = self.counted(now) else {
            return measured.map(|Measured { real_time_factor, .. }| Pace {
                real_time_factor,
                slowest: real_time_factor,
            });
        };
        let Some(Measured { real_time_factor, watched, whole }) = measured else { return Some(pace) };
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

    /// Speed from counters, and the duration of the longest recent recording in seconds.
    fn counted(&self, now: f64) -> Option<(Pace, f64)> {
        let each: Vec<(Sums, f64)> =
            self.workers.values().map(|worker| (worker.sums(), worker.pending(now))).collect();
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
            all.increments += sums.increments;
            all.seconds += sums.seconds;
            all.longest = all.longest.max(sums.longest);
            all.audio += sums.audio;
        }
        // Many increments make up for little time: frequent scrapes of short recordings.
        let reliable = all.increments >= INCREMENTS
            || (all.increments >= RELIABLE_INCREMENTS && all.seconds >= RELIABLE_SECONDS);
        if !reliable || all.audio <= 0.0 {
            return None;
        }
        // Idle workers do nothing, and their time counts.
        let idle: f64 = each.iter().map(|(_, pending)| (pending - IDLE * all.longest).max(0.0)).sum();
        let real_time_factor = (all.seconds + idle) / all.audio;
        let slow = speeds[speeds.len() / 20];
        let slowest = if slow > 0.0 { 1.0 / slow } else { real_time_factor };
        let slowest = slowest.clamp(real_time_factor, SLOWEST * real_time_factor);
        // A recording in flight may be longer than all recent ones; the median leaves out idle workers.
        let mut pending: Vec<f64> = each.iter().map(|(_, pending)| *pending).collect();
        pending.sort_unstable_by(f64::total_cmp);
        Some((Pace { real_time_factor, slowest }, all.longest.max(pending[pending.len() / 2])))
    }

    /// Present workers: seconds since each was ready, and its real-time factor.
    pub(super) fn each(&self, now: f64, pace: &Pace) -> Vec<(f64, f64)> {
        let mean = pace.real_time_factor;
        let present = self.workers.values().filter(|worker| worker.is_present(now));
        present
            .map(|worker| {
                let Sums { increments, seconds, audio, .. } = worker.sums();
                let own = if increments == 0 || audio <= 0.0 { mean } else { seconds / audio };
                (worker.up(now), own.clamp(mean / FASTEST, SLOWEST * mean))
            })
            .collect()
    }

    /// Finished audio of recordings in flight, in seconds: the work of the time since the counters grew.
    pub(super) fn in_flight(&self, now: f64, pace: Option<&Pace>) -> f64 {
        let Some(pace) = pace else { return 0.0 };
        let longest = self.workers.values().map(|worker| worker.sums().longest).fold(0.0, f64::max);
        let pending: f64 = self.workers.values().map(|worker| worker.pending(now).min(IDLE * longest)).sum();
        pending / pace.real_time_factor
    }
}
