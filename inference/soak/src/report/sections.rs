//! Sections of the report: verdicts, main numbers, plots, replacements and faults.

use crate::analysis::{
    Analysis, Completeness, FaultRow, LIMIT_MB, MemoryGrowth, MemoryVerdict, ReplacementCost,
};
use crate::report::blocks::{Block, Table, Tone};
use crate::report::format::{mb, or_dash, percent, rtf, seconds, short, signed, thousands};
use crate::report::messages::Lang;
use crate::report::plots::{CPU, MEMORY, RTF};
use verbatim_supervisor::stats::Slope;
use verbatim_text::clock;

/// Maximum number of rows in a table of faults or recordings: nobody reads a longer page.
pub(crate) const MAX_ROWS: usize = 300;

/// Verdicts on memory, on completeness, and on faults if any were injected.
pub(crate) fn verdicts(analysis: &Analysis, lang: Lang) -> Vec<Block> {
    let tone = match analysis.memory.verdict {
        MemoryVerdict::Flat => Tone::Good,
        MemoryVerdict::Leaks => Tone::Bad,
        MemoryVerdict::TooFewFiles | MemoryVerdict::TooNoisy => Tone::Undecided,
    };
    let (title, explanation) = memory(&analysis.memory, lang);
    let mut blocks = vec![Block::Verdict(tone, title, explanation)];

    let (tone, title) = if analysis.completeness.is_complete() {
        (Tone::Good, lang.results_complete())
    } else {
        (Tone::Bad, lang.results_incomplete())
    };
    blocks.push(Block::Verdict(tone, title, completeness(&analysis.completeness, lang)));

    let totals = analysis.fault_totals();
    if totals.injected > 0 {
        let (tone, title) = if totals.detected == totals.injected {
            (Tone::Good, lang.all_faults_detected())
        } else {
            (Tone::Bad, lang.some_faults_undetected())
        };
        blocks.push(Block::Verdict(tone, title, fault_totals(analysis, lang)));
    }
    blocks
}

/// Verdict on memory, and its explanation: the growth, the rule, and what to do if it is undecided.
pub(crate) fn memory(memory: &MemoryGrowth, lang: Lang) -> (String, String) {
    let unknown = || lang.slope_unknown();
    let per_100_files = with_signs(memory.per_100_files, |a, b, c| lang.slope_per_100_files(a, b, c));
    let per_hour = with_signs(memory.per_hour, |a, b, c| lang.slope_per_hour(a, b, c));
    let growth = lang.memory_growth(per_100_files.unwrap_or_else(unknown), per_hour.unwrap_or_else(unknown));
    let (title, sentences) = match memory.verdict {
        MemoryVerdict::Flat => (lang.memory_flat(), vec![growth, lang.rule_flat(LIMIT_MB)]),
        MemoryVerdict::Leaks => (lang.memory_leaks(), vec![growth, lang.rule_leaks(LIMIT_MB)]),
        MemoryVerdict::TooFewFiles => (lang.memory_undecided(), vec![lang.rule_too_few_files(memory.files)]),
        MemoryVerdict::TooNoisy => {
            let more = match memory.more_files {
                Some(factor) => lang.more_rounds(format!("{factor:.1}")),
                None => lang.more_rounds_do_not_help(),
            };
            (lang.memory_undecided(), vec![growth, lang.rule_too_noisy(LIMIT_MB), more])
        }
    };
    (title, paragraph(&sentences, lang))
}

/// Estimate and interval of a slope, filled into a message.
fn with_signs(slope: Option<Slope>, message: impl Fn(String, String, String) -> String) -> Option<String> {
    slope.map(|Slope { estimate, low, high }| message(signed(estimate), signed(low), signed(high)))
}

fn paragraph(sentences: &[String], lang: Lang) -> String {
    sentences.join(&lang.after_sentence())
}

/// Lost, duplicate, failed and differing results.
pub(crate) fn completeness(results: &Completeness, lang: Lang) -> String {
    let answered = thousands(results.answered);
    let mut sentences = vec![if results.lost == 0 && results.duplicates == 0 {
        lang.one_result_each(answered)
    } else {
        lang.results_missing(answered, thousands(results.lost), thousands(results.duplicates))
    }];
    if results.interrupted > 0 {
        sentences.push(lang.interrupted_tasks(thousands(results.interrupted)));
    }
    sentences.push(if results.failed.is_empty() {
        lang.no_failures()
    } else {
        let reasons =
            results.failed.iter().map(|(reason, number)| format!("{reason} {}", thousands(*number)));
        lang.failures(thousands(results.failures()), list(reasons, lang))
    });
    sentences.push(if results.differing.is_empty() {
        lang.results_identical()
    } else {
        let names = results.differing.iter().take(10).map(|(name, _)| name.clone());
        lang.results_differ(thousands(results.differing.len()), list(names, lang))
    });
    paragraph(&sentences, lang)
}

/// Numbers of detected faults, and of faults without effect.
pub(crate) fn fault_totals(analysis: &Analysis, lang: Lang) -> String {
    let totals = analysis.fault_totals();
    let mut sentences = vec![lang.faults_detected(thousands(totals.detected), thousands(totals.injected))];
    if totals.masked > 0 {
        sentences.push(lang.faults_masked(thousands(totals.masked)));
    }
    if totals.harmless > 0 {
        sentences.push(lang.faults_harmless(thousands(totals.harmless)));
    }
    paragraph(&sentences, lang)
}

/// Joins the items of a list.
pub(crate) fn list(items: impl IntoIterator<Item = String>, lang: Lang) -> String {
    items.into_iter().collect::<Vec<_>>().join(&lang.comma())
}

/// Main numbers.
pub(crate) fn main_numbers(analysis: &Analysis, lang: Lang) -> Block {
    let Analysis { memory, peaks, completeness, all_replacements: all, .. } = analysis;
    let slope = |value| with_signs(value, |a, b, c| lang.slope(a, b, c)).unwrap_or_else(|| "–".to_owned());
    let mut facts = vec![
        (lang.growth_per_100_files(), slope(memory.per_100_files)),
        (lang.growth_per_hour(), slope(memory.per_hour)),
        (lang.engine_peak(), mb(peaks.engine_mb)),
        (lang.supervisor_peak(), mb(peaks.supervisor_mb)),
        (lang.supervisor_growth(), slope(analysis.supervisor_per_hour)),
    ];
    facts.extend(peaks.cgroup_mb.map(|peak| (lang.cgroup_peak(), mb(peak))));
    facts.extend(peaks.cuda_mb.map(|peak| (lang.gpu_peak(), mb(peak))));
    let without_engine = lang.seconds_and_share(seconds(all.gap_seconds), percent(analysis.gap_share));
    facts.extend([
        (lang.rtf_quantiles(), rtf(analysis.rtf)),
        (lang.files_done(), thousands(completeness.answered - completeness.failures())),
        (lang.files_failed(), thousands(completeness.failures())),
        (lang.audio_transcribed(), format!("{} h", short(analysis.audio_hours))),
        (lang.duration(), clock(analysis.run.wall_seconds)),
        (lang.engines_replaced(), thousands(all.count)),
        (lang.time_without_engine(), without_engine),
        (lang.files_rerun(), thousands(all.reruns)),
    ]);
    Block::Facts(facts)
}

/// Plots with their captions.
pub(crate) fn plots(lang: Lang) -> [Block; 3] {
    [
        Block::Plot(MEMORY, lang.memory_plot()),
        Block::Plot(CPU, lang.cpu_plot()),
        Block::Plot(RTF, lang.rtf_plot()),
    ]
}

/// Engine replacements: reasons and cost.
pub(crate) fn replacements(analysis: &Analysis, lang: Lang) -> Vec<Block> {
    let load = or_dash(analysis.load_seconds, seconds);
    let mut blocks = vec![
        Block::Heading(lang.replacements_heading()),
        Block::Paragraph(lang.engines_started(thousands(analysis.engines), load)),
    ];
    let (starts, waited) = analysis.back_offs;
    if starts > 0 {
        blocks.push(Block::Paragraph(lang.back_offs(thousands(starts), seconds(waited))));
    }
    if analysis.budget_changes > 0 {
        blocks.push(Block::Paragraph(lang.budget_changes(thousands(analysis.budget_changes))));
    }
    if analysis.replacements.is_empty() {
        blocks.push(Block::Paragraph(lang.no_replacements()));
        return blocks;
    }
    let wall_seconds = analysis.run.wall_seconds.max(1.0);
    let row = |reason: String, cost: &ReplacementCost| {
        let mean = (cost.gaps > 0).then(|| cost.gap_seconds / cost.gaps as f64);
        vec![
            reason,
            thousands(cost.count),
            seconds(cost.gap_seconds),
            or_dash(mean, seconds),
            seconds(cost.longest_gap),
            percent(cost.gap_seconds / wall_seconds),
            thousands(cost.reruns),
        ]
    };
    let by_reason = analysis.replacements.iter();
    let mut rows: Vec<_> = by_reason.map(|(reason, cost)| row((*reason).to_owned(), cost)).collect();
    if rows.len() > 1 {
        rows.push(row(lang.all_reasons(), &analysis.all_replacements));
    }
    blocks.push(Block::Table(Table::new(&lang.replacement_columns(), 1, rows)));
    blocks.push(Block::Paragraph(lang.replacements_note()));
    blocks
}

/// Injected faults: detection, time to detection and cost. Empty if none were injected.
pub(crate) fn faults(analysis: &Analysis, lang: Lang) -> Vec<Block> {
    if analysis.faults.is_empty() {
        return Vec::new();
    }
    let row = |fault: &FaultRow| {
        let reasons = fault.reasons.iter().map(|(reason, number)| match number {
            1 => (*reason).to_owned(),
            _ => format!("{reason} × {}", thousands(*number)),
        });
        let detected_as = if !fault.reasons.is_empty() {
            list(reasons, lang)
        } else if fault.masked > 0 {
            lang.fault_masked()
        } else if fault.harmless > 0 {
            lang.fault_harmless()
        } else {
            lang.fault_undetected()
        };
        vec![
            fault.fault.clone(),
            detected_as,
            fault.why.clone(),
            if fault.every_file { lang.every_file() } else { thousands(fault.injected) },
            thousands(fault.detected),
            or_dash(fault.seconds, seconds),
            seconds(fault.gap_seconds),
            thousands(fault.reruns),
        ]
    };
    let rows = analysis.faults.iter().take(MAX_ROWS).map(row).collect();
    let mut blocks = vec![
        Block::Heading(lang.faults_heading()),
        Block::Paragraph(lang.faults_note()),
        Block::Table(Table::new(&lang.fault_columns(), 3, rows)),
    ];
    if analysis.faults.len() > MAX_ROWS {
        blocks.push(Block::Paragraph(lang.more_faults(thousands(analysis.faults.len() - MAX_ROWS))));
    }
    blocks
}
