//! Every figure of the reports, computed once: it takes the findings and gives what the documents say. Pure.

use std::collections::BTreeMap;

use crate::record::RunFacts;
use crate::report::engines::EngineLog;
use crate::report::faults::FaultRow;
use crate::report::findings::{Findings, Peaks};
use crate::report::tables::{Group, RecordingRow};
use crate::report::verdict::Memory;
use crate::report::{faults, tables, verdict};
use verbatim_supervisor::stats::{Slope, quantiles, theil_sen};

/// Whether every task has exactly one result, and the same one each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses {
    /// Tasks with a result.
    pub answered: usize,
    /// Tasks without.
    pub lost: usize,
    /// Tasks that a signal ended before they were answered: nobody claims that those are done.
    pub cut_off: usize,
    /// Results of tasks that had one already.
    pub twice: usize,
    /// Tasks that failed, by reason.
    pub failed: BTreeMap<String, usize>,
    /// Recordings that had different results, and how many.
    pub differing: Vec<(String, usize)>,
}

impl Losses {
    /// Each task exactly once, and the same result each time.
    pub fn is_whole(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.differing.is_empty()
    }

    /// Tasks that failed.
    pub fn failures(&self) -> usize {
        self.failed.values().sum()
    }
}

/// Engines that were replaced for one reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecycleRow {
    /// How many.
    pub count: usize,
    /// Those with a recorded gap.
    pub gaps: usize,
    /// Seconds without an engine, all together.
    pub gap_seconds: f64,
    /// The longest of the gaps.
    pub longest_gap: f64,
    /// Times that files were run again.
    pub run_again: usize,
}

/// Everything that the reports say.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What was run, and on what.
    pub run: RunFacts,
    /// Whether memory grows.
    pub memory: Memory,
    /// Growth of the supervisor's resident memory in an hour, in units of 10^6 bytes.
    pub supervisor_per_hour: Option<Slope>,
    /// Most memory.
    pub peaks: Peaks,
    /// Whether anything was lost.
    pub losses: Losses,
    /// Real-time factor of a file: median, 90th and 99th percentile.
    pub rtf: Option<[f64; 3]>,
    /// Hours of audio that were transcribed.
    pub audio_hours: f64,
    /// Engines that were started.
    pub engines: usize,
    /// Seconds from an engine's start to its first file: median.
    pub load_seconds: Option<f64>,
    /// Engines that were replaced, by reason.
    pub recycles: BTreeMap<&'static str, RecycleRow>,
    /// All of them together.
    pub all_recycles: RecycleRow,
    /// Share of the time in which there was no engine.
    pub gap_share: f64,
    /// Times that engines failed so often that the next one waited, and for how many seconds in all.
    pub backing_off: (usize, f64),
    /// Times that the batch budget changed.
    pub budgets: usize,
    /// Injected faults.
    pub faults: Vec<FaultRow>,
    /// Short, long and all recordings at each concurrency.
    pub groups: Vec<Group>,
    /// Each recording.
    pub recordings: Vec<RecordingRow>,
}

impl Figures {
    /// Injected faults that had something to show, and those of them that were found.
    pub fn faults_found(&self) -> (usize, usize) {
        let sum = |number: fn(&FaultRow) -> usize| self.faults.iter().map(number).sum();
        (sum(|row| row.injected - row.overtaken - row.harmless), sum(|row| row.found))
    }

    /// Injected faults that could not show: lost to another one first, and leaks that stayed below all limits.
    pub fn faults_without_effect(&self) -> (usize, usize) {
        let sum = |number: fn(&FaultRow) -> usize| self.faults.iter().map(number).sum();
        (sum(|row| row.overtaken), sum(|row| row.harmless))
    }

    /// Computes them.
    pub fn of(findings: &Findings) -> Self {
        let run = findings.run.clone();
        let (recycles, all_recycles) = recycles(&findings.engines);
        let audio_hours = |(audio, files): (f64, usize)| audio * files as f64 / 3600.0;
        let audio = findings.recordings.values().map(|recording| {
            let files = recording.samples.values().map(|samples| samples.processing.len()).sum();
            (recording.audio_seconds.unwrap_or_default(), files)
        });
        let supervisor = findings.memory[1].means().map(|(at, mean, ..)| (at / 3600.0, mean)).collect();
        Self {
            memory: verdict::judge(findings.lives.values(), run.files.len()),
            supervisor_per_hour: theil_sen(&[supervisor]),
            peaks: findings.peaks,
            losses: losses(findings),
            rtf: rtf(findings),
            audio_hours: audio.map(audio_hours).sum(),
            engines: findings.engines.started,
            load_seconds: quantiles(&mut findings.engines.load_seconds.clone(), [0.5]).map(|[median]| median),
            gap_share: all_recycles.gap_seconds / run.wall_seconds.max(1.0),
            recycles,
            all_recycles,
            backing_off: findings.engines.backing_off,
            budgets: findings.engines.budgets,
            faults: faults::rows(&findings.engines),
            groups: tables::groups(findings),
            recordings: tables::recordings(findings),
            run,
        }
    }
}

/// Quantiles of the real-time factors of all files.
fn rtf(findings: &Findings) -> Option<[f64; 3]> {
    // Reserved once: growing step by step takes twice the memory for a moment.
    let mut rtf: Vec<f32> = Vec::with_capacity(findings.tasks.answered);
    for recording in findings.recordings.values() {
        let audio = recording.audio_seconds.filter(|seconds| *seconds > 0.0);
        let Some(audio) = audio else { continue };
        let processing = recording.samples.values().flat_map(|samples| &samples.processing);
        rtf.extend(processing.map(|seconds| seconds / audio as f32));
    }
    quantiles(&mut rtf, [0.5, 0.9, 0.99])
}

fn losses(findings: &Findings) -> Losses {
    let (missing, unanswered) = (findings.tasks.missing(), findings.run.unanswered);
    // A task that was handed over and not answered is missing too, unless its number is the last.
    let without = missing.max(unanswered);
    let cut_off = if findings.run.interrupted { unanswered } else { 0 };
    let differing = findings.recordings.iter().filter(|(_, recording)| recording.results.len() > 1);
    Losses {
        answered: findings.tasks.answered,
        lost: without - cut_off.min(without),
        cut_off,
        twice: findings.tasks.twice,
        failed: findings.tasks.failed.clone(),
        differing: differing.map(|(name, recording)| (name.clone(), recording.results.len())).collect(),
    }
}

fn recycles(log: &EngineLog) -> (BTreeMap<&'static str, RecycleRow>, RecycleRow) {
    let mut rows: BTreeMap<&'static str, RecycleRow> = BTreeMap::new();
    let mut all = RecycleRow::default();
    for engine in &log.condemned {
        for row in [rows.entry(engine.reason.as_str()).or_default(), &mut all] {
            let gap = engine.gap_seconds.unwrap_or_default();
            row.count += 1;
            row.gaps += usize::from(engine.gap_seconds.is_some());
            row.gap_seconds += gap;
            row.longest_gap = row.longest_gap.max(gap);
            row.run_again += engine.run_again;
        }
    }
    // The sum is known without knowing which engine each file was lost with.
    all.run_again = log.run_again;
    (rows, all)
}
