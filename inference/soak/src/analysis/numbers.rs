//! Every number of the report, from the measurements. Pure.

use std::collections::BTreeMap;

use crate::analysis::engine_history::EngineHistory;
use crate::analysis::fault_detection::{self, FaultRow};
use crate::analysis::file_stats::{self, GroupStats, RecordingStats};
use crate::analysis::measurements::{Measurements, Peaks};
use crate::analysis::memory_growth::{self, MemoryGrowth};
use crate::record::RunMetadata;
use verbatim_supervisor::stats::{Slope, quantiles, theil_sen};

/// Completeness and consistency of the results.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Completeness {
    /// Tasks with a result.
    pub(crate) answered: usize,
    /// Tasks without a result.
    pub(crate) lost: usize,
    /// Tasks in flight when a signal ended the soak: not claimed to be done.
    pub(crate) interrupted: usize,
    /// Results of tasks that already had one.
    pub(crate) duplicates: usize,
    /// Failed tasks by reason.
    pub(crate) failed: BTreeMap<String, usize>,
    /// Recordings with several distinct results, and their number.
    pub(crate) differing: Vec<(String, usize)>,
}

impl Completeness {
    /// Whether each task has exactly one result, and each recording the same result each time.
    pub(crate) fn is_complete(&self) -> bool {
        self.lost == 0 && self.duplicates == 0 && self.differing.is_empty()
    }

    /// Number of failed tasks.
    pub(crate) fn failures(&self) -> usize {
        self.failed.values().sum()
    }

    fn of(measurements: &Measurements) -> Self {
        let (tasks, run) = (&measurements.tasks, &measurements.run);
        // Unanswered tasks are missing too, except those after the last answered one.
        let without_result = tasks.missing().max(run.unanswered);
        let interrupted = if run.interrupted { run.unanswered } else { 0 };
        let differing = measurements.recordings.iter().filter(|(_, recording)| recording.results.len() > 1);
        Self {
            answered: tasks.answered,
            lost: without_result.saturating_sub(interrupted),
            interrupted,
            duplicates: tasks.duplicates,
            failed: tasks.failed.clone(),
            differing: differing.map(|(name, recording)| (name.clone(), recording.results.len())).collect(),
        }
    }
}

/// Cost of engine replacements.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReplacementCost {
    /// Number of replacements.
    pub(crate) count: usize,
    /// Replacements with a recorded gap.
    pub(crate) gaps: usize,
    /// Total time without an engine.
    pub(crate) gap_seconds: f64,
    /// Longest gap in seconds.
    pub(crate) longest_gap: f64,
    /// Reruns of files.
    pub(crate) reruns: usize,
}

/// Totals of fault detection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FaultTotals {
    /// Injections that could show an effect.
    pub(crate) injected: usize,
    pub(crate) detected: usize,
    /// Injections without effect because another fault ended the engine first.
    pub(crate) masked: usize,
    /// Leaks of a single file that stayed below all limits.
    pub(crate) harmless: usize,
}

/// Every number of the report.
#[derive(Clone, Debug)]
pub(crate) struct Analysis {
    pub(crate) run: RunMetadata,
    pub(crate) memory: MemoryGrowth,
    /// Growth of the supervisor's resident memory per hour, in units of 10^6 bytes.
    pub(crate) supervisor_per_hour: Option<Slope>,
    pub(crate) peaks: Peaks,
    pub(crate) completeness: Completeness,
    /// p50, p90 and p99 of the real-time factor of a file.
    pub(crate) rtf: Option<[f64; 3]>,
    /// Hours of audio transcribed.
    pub(crate) audio_hours: f64,
    /// Engines started.
    pub(crate) engines: usize,
    /// Median time from the start of an engine to ready.
    pub(crate) load_seconds: Option<f64>,
    /// Cost of replacements by reason.
    pub(crate) replacements: BTreeMap<&'static str, ReplacementCost>,
    /// Cost of all replacements.
    pub(crate) all_replacements: ReplacementCost,
    /// Share of the time without an engine.
    pub(crate) gap_share: f64,
    /// Number of delayed starts, because engines failed too often, and the sum of the delays in seconds.
    pub(crate) back_offs: (usize, f64),
    /// Changes of the batch budget.
    pub(crate) budget_changes: usize,
    pub(crate) faults: Vec<FaultRow>,
    /// Statistics by length of audio and concurrency.
    pub(crate) groups: Vec<GroupStats>,
    pub(crate) recordings: Vec<RecordingStats>,
}

impl Analysis {
    /// Computes every number.
    pub(crate) fn of(measurements: &Measurements) -> Self {
        let (run, engines) = (measurements.run.clone(), &measurements.engines);
        let (replacements, all_replacements) = replacement_costs(engines);
        let transcribed_seconds = measurements.recordings.values().map(|recording| {
            let files: usize = recording.samples.values().map(|samples| samples.processing.len()).sum();
            recording.audio_seconds.unwrap_or_default() * files as f64
        });
        let supervisor = measurements.memory[1].means().map(|(at, mean, ..)| (at / 3600.0, mean)).collect();
        Self {
            memory: memory_growth::judge(measurements.memory_series.values(), run.files.len()),
            supervisor_per_hour: theil_sen(&[supervisor]),
            peaks: measurements.peaks,
            completeness: Completeness::of(measurements),
            rtf: rtf(measurements),
            audio_hours: transcribed_seconds.sum::<f64>() / 3600.0,
            engines: engines.started,
            load_seconds: quantiles(&mut engines.load_seconds.clone(), [0.5]).map(|[median]| median),
            gap_share: all_replacements.gap_seconds / run.wall_seconds.max(1.0),
            replacements,
            all_replacements,
            back_offs: engines.back_offs,
            budget_changes: engines.budget_changes,
            faults: fault_detection::rows(engines),
            groups: file_stats::groups(measurements),
            recordings: file_stats::recordings(measurements),
            run,
        }
    }

    /// Totals of all faults.
    pub(crate) fn fault_totals(&self) -> FaultTotals {
        let sum = |number: fn(&FaultRow) -> usize| self.faults.iter().map(number).sum();
        FaultTotals {
            injected: sum(|row| row.injected - row.masked - row.harmless),
            detected: sum(|row| row.detected),
            masked: sum(|row| row.masked),
            harmless: sum(|row| row.harmless),
        }
    }
}

/// Quantiles of the real-time factors of all files.
fn rtf(measurements: &Measurements) -> Option<[f64; 3]> {
    // Reserved at once: growth step by step takes twice the memory for a moment.
    let mut rtf: Vec<f32> = Vec::with_capacity(measurements.tasks.answered);
    for recording in measurements.recordings.values() {
        let audio = recording.audio_seconds.filter(|seconds| *seconds > 0.0);
        let Some(audio) = audio else { continue };
        let processing = recording.samples.values().flat_map(|samples| &samples.processing);
        rtf.extend(processing.map(|seconds| seconds / audio as f32));
    }
    quantiles(&mut rtf, [0.5, 0.9, 0.99])
}

/// Cost of replacements, by reason and of all.
fn replacement_costs(history: &EngineHistory) -> (BTreeMap<&'static str, ReplacementCost>, ReplacementCost) {
    let mut costs: BTreeMap<&'static str, ReplacementCost> = BTreeMap::new();
    let mut all = ReplacementCost::default();
    for replacement in &history.replacements {
        for cost in [costs.entry(replacement.reason.as_str()).or_default(), &mut all] {
            let gap = replacement.gap_seconds.unwrap_or_default();
            cost.count += 1;
            cost.gaps += usize::from(replacement.gap_seconds.is_some());
            cost.gap_seconds += gap;
            cost.longest_gap = cost.longest_gap.max(gap);
            cost.reruns += replacement.reruns;
        }
    }
    // The total does not depend on the attribution of reruns to replacements.
    all.reruns = history.reruns;
    (costs, all)
}
