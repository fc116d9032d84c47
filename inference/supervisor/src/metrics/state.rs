//! State behind the metrics: sums and last values, from events. Pure except for the histograms.

use std::collections::{BTreeMap, HashMap};

use verbatim_crds::contract::RecycleReason;

use crate::decide::MemoryLimits;
use crate::engine_event::{EngineEvent, EngineNumber};
use crate::measure::Snapshot;
use crate::metrics::histograms::Histograms;
use crate::progress::Progress;
use crate::stats::Slope;
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::{ArenaStats, Stats};

/// Values of all metrics.
#[derive(Debug, Default)]
pub(super) struct MetricsState {
    /// Engines that run according to events.
    running: BTreeMap<EngineNumber, RunningEngine>,
    /// Files in flight, with their engine.
    in_flight: HashMap<usize, EngineNumber>,
    /// Last measurement, without engines that have exited since.
    pub(super) snapshot: Option<Snapshot>,
    /// User and system time of all engines so far, in seconds.
    pub(super) engine_cpu_seconds: f64,
    /// Sums over all engines so far.
    pub(super) work: Stats,
    /// Growth of the newest running engine with an estimate.
    pub(super) growth: Option<Growth>,
    /// Engines started.
    pub(super) engines_started: u64,
    /// Engines replaced, by reason.
    pub(super) recycles: BTreeMap<RecycleReason, u64>,
    /// Audio of transcribed files, in seconds.
    pub(super) audio_seconds: f64,
    /// Files transcribed.
    pub(super) succeeded: u64,
    /// Files skipped, as their transcript existed.
    pub(super) skipped: u64,
    /// Failed files, by reason.
    pub(super) failures: BTreeMap<FailureReason, u64>,
    /// Files that were in flight when an engine was lost.
    pub(super) suspects: u64,
    /// Limits of an engine's resident memory.
    pub(super) limits: MemoryLimits,
    /// Recordings fetched ahead.
    pub(super) spool: Option<SpoolUsage>,
    /// Batch budget, in seconds of segments with padding.
    pub(super) budget: Option<f64>,
    /// Progress of the run.
    pub(super) progress: Option<Progress>,
    /// Histograms.
    pub(super) histograms: Histograms,
}

/// Use of the spool: recordings fetched ahead of the engine.
#[derive(Clone, Copy, Debug)]
pub struct SpoolUsage {
    /// Number of recordings.
    pub files: u64,
    /// Their size, in bytes.
    pub bytes: u64,
    /// Capacity, in bytes.
    pub limit_bytes: u64,
}

/// A running engine.
#[derive(Debug, Default)]
struct RunningEngine {
    ready: bool,
    recycled_for: Vec<RecycleReason>,
    cpu_seconds: f64,
    stats: Stats,
}

/// Estimated growth of an engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    engine: EngineNumber,
    /// Bytes per hour.
    pub(super) per_hour: Slope,
    /// Bytes per hour of audio.
    pub(super) per_audio_hour: Option<Slope>,
}

impl MetricsState {
    /// Applies an event.
    pub(super) fn observe(&mut self, event: &EngineEvent<'_>) {
        match *event {
            EngineEvent::EngineStarted { engine, .. } => {
                self.engines_started += 1;
                self.running.insert(engine, RunningEngine::default());
            }
            EngineEvent::EngineReady { engine, load, .. } => {
                self.histograms.load.observe(load.as_secs_f64());
                if let Some(engine) = self.running.get_mut(&engine) {
                    engine.ready = true;
                }
            }
            EngineEvent::RecycleDecided { engine, reason, .. } => self.recycle_decided(engine, reason),
            EngineEvent::EngineExited { engine, .. } => self.engine_exited(engine),
            EngineEvent::Gap { gap, .. } => self.histograms.gap.observe(gap.as_secs_f64()),
            EngineEvent::FileBegun { engine, file, waited, .. } => {
                self.in_flight.insert(file, engine);
                self.histograms.queue.observe(waited.as_secs_f64());
            }
            EngineEvent::FileSuspected { file, .. } => {
                self.in_flight.remove(&file);
                self.suspects += 1;
            }
            EngineEvent::FileDone { file, audio_seconds, processing_seconds, .. } => {
                self.in_flight.remove(&file);
                self.succeeded += 1;
                add(&mut self.audio_seconds, audio_seconds);
                let factor = processing_seconds / audio_seconds;
                if audio_seconds > 0.0 && factor.is_finite() {
                    self.histograms.real_time_factor.observe(factor);
                }
            }
            EngineEvent::FileFailed { file, failure, .. } => {
                self.in_flight.remove(&file);
                // An interrupted file has no outcome: the next run transcribes it.
                if failure.reason != FailureReason::Interrupted {
                    *self.failures.entry(failure.reason).or_default() += 1;
                }
            }
            EngineEvent::BudgetChanged { max_padded_seconds, .. } => self.budget = Some(max_padded_seconds),
            EngineEvent::Limits { memory, max_padded_seconds } => {
                self.limits = memory;
                self.budget = Some(max_padded_seconds);
            }
            EngineEvent::BackingOff { .. } => {}
            EngineEvent::Measured(snapshot) => self.measured(snapshot),
            EngineEvent::EngineStats { engine, stats } => self.engine_stats(engine, stats),
            EngineEvent::GrowthEstimated { engine, per_hour, per_audio_hour } => {
                let newer = self.growth.is_none_or(|growth| growth.engine <= engine);
                if newer && self.running.contains_key(&engine) {
                    self.growth = Some(Growth { engine, per_hour, per_audio_hour });
                }
            }
        }
    }

    /// Sets the progress of the run.
    pub(super) fn progress(&mut self, progress: &Progress) {
        self.skipped = self.skipped.max(progress.skipped);
        self.progress = Some(*progress);
    }

    /// Sets the use of the spool.
    pub(super) fn spool_usage(&mut self, spool: SpoolUsage) {
        self.spool = Some(spool);
    }

    /// Counts each reason once per engine: while it drains, another reason may follow, as when it passes the
    /// hard limit.
    fn recycle_decided(&mut self, engine: EngineNumber, reason: RecycleReason) {
        let Some(engine) = self.running.get_mut(&engine) else { return };
        if !engine.recycled_for.contains(&reason) {
            engine.recycled_for.push(reason);
            *self.recycles.entry(reason).or_default() += 1;
        }
    }

    fn engine_exited(&mut self, number: EngineNumber) {
        self.running.remove(&number);
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
            // Without a start event, it is unknown how much was counted already.
            let Some(engine) = self.running.get_mut(number) else { continue };
            add(&mut self.engine_cpu_seconds, process.cpu_seconds - engine.cpu_seconds);
            engine.cpu_seconds = engine.cpu_seconds.max(process.cpu_seconds);
        }
        self.snapshot = Some(snapshot.clone());
    }

    fn engine_stats(&mut self, number: EngineNumber, stats: &Stats) {
        let Some(engine) = self.running.get_mut(&number) else { return };
        let last = &mut engine.stats;
        let increase = |new: f64, last: &mut f64, sum: &mut f64| {
            // An engine may report anything, even NaN.
            let difference = if new.is_finite() { (new - *last).max(0.0) } else { 0.0 };
            *last += difference;
            add(sum, difference);
            difference
        };
        let sum = &mut self.work;
        increase(stats.inference_seconds, &mut last.inference_seconds, &mut sum.inference_seconds);
        increase(stats.waited_seconds, &mut last.waited_seconds, &mut sum.waited_seconds);
        let speech = increase(stats.segment_seconds, &mut last.segment_seconds, &mut sum.segment_seconds);
        let padding = increase(stats.padding_seconds, &mut last.padding_seconds, &mut sum.padding_seconds);
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
        self.running.values().any(|engine| engine.ready && engine.recycled_for.is_empty())
    }

    /// Number of files in flight.
    pub(super) fn files_in_flight(&self) -> u64 {
        self.in_flight.len() as u64
    }

    /// Memory pools of ONNX Runtime, summed over the engines that report them.
    pub(super) fn arena(&self) -> Option<ArenaStats> {
        ArenaStats::sum(self.running.values().filter_map(|engine| engine.stats.arena))
    }
}

/// Adds to a counter, which never decreases and stays a number, whatever an engine reports.
fn add(sum: &mut f64, difference: f64) {
    // `max` of NaN and a number is the number.
    *sum = (*sum + difference.max(0.0)).min(f64::MAX);
}
