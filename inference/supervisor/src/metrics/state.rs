//! Sums and last values, from what happens. Pure but for the histograms.

use std::collections::{BTreeMap, HashMap};

use crate::decide::Watermarks;
use crate::measure::Snapshot;
use crate::metrics::histograms::Histograms;
use crate::observe::{EngineNumber, Happening, RecycleReason};
use crate::progress::Progress;
use crate::stats::Slope;
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::{ArenaStats, Stats};

/// Everything that metrics tell.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Engines whose process lives, as far as we were told.
    live: BTreeMap<EngineNumber, Engine>,
    /// Files that engines work on.
    in_flight: HashMap<usize, EngineNumber>,
    /// The last measurement, without engines that are gone since.
    pub(super) snapshot: Option<Snapshot>,
    /// User and system time of all engines so far, in seconds.
    pub(super) engine_cpu_seconds: f64,
    /// Sums over all engines so far.
    pub(super) work: Stats,
    /// Growth of the newest engine that lives and was there for long enough.
    pub(super) growth: Option<Growth>,
    /// Engines started.
    pub(super) engines_started: u64,
    /// Engines replaced, by reason.
    pub(super) recycles: BTreeMap<RecycleReason, u64>,
    /// Audio of files that are done, in seconds.
    pub(super) audio_seconds: f64,
    /// Files whose transcript was made.
    pub(super) succeeded: u64,
    /// Files whose transcript was there already.
    pub(super) skipped: u64,
    /// Files that failed, by reason.
    pub(super) failures: BTreeMap<FailureReason, u64>,
    /// Files that were in flight when an engine was lost.
    pub(super) suspects: u64,
    /// Limits of an engine's resident memory.
    pub(super) limits: Watermarks,
    /// Recordings that were fetched ahead.
    pub(super) spool: Option<Spool>,
    /// The batch budget, in seconds of segments with padding.
    pub(super) budget: Option<f64>,
    /// How far the run is.
    pub(super) progress: Option<Progress>,
    /// What is counted by size.
    pub(super) histograms: Histograms,
}

/// Recordings that were fetched ahead of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Spool {
    /// How many.
    pub files: u64,
    /// Room that they take, in bytes.
    pub bytes: u64,
    /// Room that there is, in bytes.
    pub most_bytes: u64,
}

/// An engine that lives.
#[derive(Debug, Default)]
struct Engine {
    ready: bool,
    condemned: Vec<RecycleReason>,
    cpu_seconds: f64,
    stats: Stats,
}

/// An estimate of an engine's growth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    engine: EngineNumber,
    /// Bytes an hour.
    pub(super) per_hour: Slope,
    /// Bytes for an hour of audio.
    pub(super) per_audio_hour: Option<Slope>,
}

impl State {
    /// Takes in what happened.
    pub(super) fn observe(&mut self, happening: &Happening<'_>) {
        match *happening {
            Happening::EngineStarted { engine, .. } => {
                self.engines_started += 1;
                self.live.insert(engine, Engine::default());
            }
            Happening::EngineReady { engine, load, .. } => {
                self.histograms.load.observe(load.as_secs_f64());
                if let Some(engine) = self.live.get_mut(&engine) {
                    engine.ready = true;
                }
            }
            Happening::EngineCondemned { engine, reason, .. } => self.condemned(engine, reason),
            Happening::EngineGone { engine, .. } => self.gone(engine),
            Happening::Gap { gap, .. } => self.histograms.gap.observe(gap.as_secs_f64()),
            Happening::FileBegun { engine, file, waited, .. } => {
                self.in_flight.insert(file, engine);
                self.histograms.queue.observe(waited.as_secs_f64());
            }
            Happening::FileSuspected { file, .. } => {
                self.in_flight.remove(&file);
                self.suspects += 1;
            }
            Happening::FileDone { file, audio_seconds, processing_seconds, .. } => {
                self.in_flight.remove(&file);
                self.succeeded += 1;
                add(&mut self.audio_seconds, audio_seconds);
                let factor = processing_seconds / audio_seconds;
                if audio_seconds > 0.0 && factor.is_finite() {
                    self.histograms.real_time_factor.observe(factor);
                }
            }
            Happening::FileFailed { file, failure, .. } => {
                self.in_flight.remove(&file);
                // One that was interrupted is undone, and not failed: the next run does it.
                if failure.reason != FailureReason::Interrupted {
                    *self.failures.entry(failure.reason).or_default() += 1;
                }
            }
            Happening::Budget { max_padded_seconds, .. } => self.budget = Some(max_padded_seconds),
            Happening::Bounds { memory, max_padded_seconds } => {
                self.limits = memory;
                self.budget = Some(max_padded_seconds);
            }
            Happening::BackingOff { .. } => {}
            Happening::Measured(snapshot) => self.measured(snapshot),
            Happening::EngineStats { engine, stats } => self.told(engine, stats),
            Happening::Growth { engine, per_hour, per_audio_hour } => {
                let newer = self.growth.is_none_or(|growth| growth.engine <= engine);
                if newer && self.live.contains_key(&engine) {
                    self.growth = Some(Growth { engine, per_hour, per_audio_hour });
                }
            }
        }
    }

    /// Takes in how far the run is.
    pub(super) fn progress(&mut self, progress: &Progress) {
        self.skipped = self.skipped.max(progress.skipped);
        self.progress = Some(*progress);
    }

    /// Takes in what the spool holds.
    pub(super) fn spooled(&mut self, spool: Spool) {
        self.spool = Some(spool);
    }

    /// An engine may be condemned once more while it drains, as when it passes the hard limit then; each reason counts
    /// once for an engine.
    fn condemned(&mut self, engine: EngineNumber, reason: RecycleReason) {
        let Some(engine) = self.live.get_mut(&engine) else { return };
        if !engine.condemned.contains(&reason) {
            engine.condemned.push(reason);
            *self.recycles.entry(reason).or_default() += 1;
        }
    }

    fn gone(&mut self, number: EngineNumber) {
        self.live.remove(&number);
        self.in_flight.retain(|_, engine| *engine != number);
        if self.growth.is_some_and(|growth| growth.engine == number) {
            self.growth = None;
        }
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.engines.retain(|(engine, _)| *engine != number);
        }
    }

    fn measured(&mut self, snapshot: &Snapshot) {
        for (number, process) in &snapshot.engines {
            // Of engines that are not known to live it cannot be told what was counted already.
            let Some(engine) = self.live.get_mut(number) else { continue };
            add(&mut self.engine_cpu_seconds, process.cpu_seconds - engine.cpu_seconds);
            engine.cpu_seconds = engine.cpu_seconds.max(process.cpu_seconds);
        }
        self.snapshot = Some(snapshot.clone());
    }

    fn told(&mut self, number: EngineNumber, stats: &Stats) {
        let Some(engine) = self.live.get_mut(&number) else { return };
        let last = &mut engine.stats;
        let grown = |new: f64, last: &mut f64, sum: &mut f64| {
            // An engine may say anything, as what is no number.
            let difference = if new.is_finite() { (new - *last).max(0.0) } else { 0.0 };
            *last += difference;
            add(sum, difference);
            difference
        };
        let sum = &mut self.work;
        grown(stats.inference_seconds, &mut last.inference_seconds, &mut sum.inference_seconds);
        grown(stats.waited_seconds, &mut last.waited_seconds, &mut sum.waited_seconds);
        let speech = grown(stats.segment_seconds, &mut last.segment_seconds, &mut sum.segment_seconds);
        let padding = grown(stats.padding_seconds, &mut last.padding_seconds, &mut sum.padding_seconds);
        let segments = stats.segments.saturating_sub(last.segments);
        last.segments += segments;
        sum.segments = sum.segments.saturating_add(segments);
        last.arena = stats.arena;
        let ratio = padding / (speech + padding);
        if ratio.is_finite() {
            self.histograms.padding_ratio.observe(ratio);
        }
    }

    /// Whether an engine takes files.
    pub(super) fn ready(&self) -> bool {
        self.live.values().any(|engine| engine.ready && engine.condemned.is_empty())
    }

    /// Number of files that engines work on.
    pub(super) fn files_in_flight(&self) -> u64 {
        self.in_flight.len() as u64
    }

    /// ONNX Runtime's pools of all engines that told of them.
    pub(super) fn arena(&self) -> Option<ArenaStats> {
        ArenaStats::sum(self.live.values().filter_map(|engine| engine.stats.arena))
    }
}

/// Adds to a counter, which never goes backwards and stays a number, whatever an engine says.
fn add(sum: &mut f64, difference: f64) {
    // The greater of NaN and a number is the number.
    *sum = (*sum + difference.max(0.0)).min(f64::MAX);
}
