//! Sections of the report: statistics by length and recording, method, reproduction.

use crate::analysis::{
    Analysis, AudioLength, GroupStats, LIMIT_MB, MIN_FILES, RecordingStats, TimeAndMemory,
};
use crate::record::{EVENTS, RESOURCES, RESULTS, RUN};
use crate::report::blocks::{Block, Table};
use crate::report::format::{mb, or_dash, seconds, shell, short, signed, thousands};
use crate::report::messages::Lang;
use crate::report::sections::MAX_ROWS;
use verbatim_text::{clock, ratio};

/// Tables of the original report: speed and memory by length of audio and concurrency.
pub(crate) fn speed(analysis: &Analysis, lang: Lang) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(lang.speed_heading())];
    for length in AudioLength::ALL {
        let groups = analysis.groups.iter().filter(|group| group.length == length);
        let rows: Vec<_> = groups.map(speed_row).collect();
        let caption = match length {
            AudioLength::Short => lang.short_audio(),
            AudioLength::Long => lang.long_audio(),
            AudioLength::All => lang.all_audio(),
        };
        if !rows.is_empty() {
            blocks.push(Block::Table(Table { caption, ..Table::new(&lang.speed_columns(), 0, rows) }));
        }
    }
    blocks.push(Block::Paragraph(lang.speed_note()));
    blocks
}

fn speed_row(group: &GroupStats) -> Vec<String> {
    let cell = |format: fn(&TimeAndMemory) -> String| or_dash(group.files.measured.as_ref(), format);
    vec![
        thousands(group.concurrency),
        thousands(group.files.count),
        thousands(group.files.failed),
        cell(|measured| seconds(measured.mean_seconds)),
        cell(|measured| seconds(measured.median_seconds)),
        cell(|measured| ratio(measured.rtf)),
        cell(|measured| mb(measured.rss_mb[0])),
        cell(|measured| mb(measured.rss_mb[1])),
        cell(|measured| format!("{} MB", signed(measured.rss_mb[2]))),
        or_dash(group.files_per_minute, short),
        or_dash(group.audio_per_hour, short),
    ]
}

/// Table of the recordings. If there are more than [`MAX_ROWS`], those with failures or differing results
/// come first.
pub(crate) fn recordings(analysis: &Analysis, lang: Lang) -> Vec<Block> {
    let mut shown: Vec<&RecordingStats> = analysis.recordings.iter().collect();
    let left_out = shown.len().saturating_sub(MAX_ROWS);
    if left_out > 0 {
        shown.sort_by_key(|recording| recording.files.failed == 0 && recording.results <= 1);
        shown.truncate(MAX_ROWS);
    }
    let row = |recording: &&RecordingStats| {
        let cell = |format: fn(&TimeAndMemory) -> String| or_dash(recording.files.measured.as_ref(), format);
        vec![
            recording.name.clone(),
            mb(recording.size_mb),
            or_dash(recording.audio_seconds, seconds),
            thousands(recording.files.count),
            thousands(recording.files.failed),
            cell(|measured| seconds(measured.median_seconds)),
            cell(|measured| ratio(measured.rtf)),
            cell(|measured| mb(measured.rss_mb[1])),
            thousands(recording.results),
        ]
    };
    let rows = shown.iter().map(row).collect();
    let mut blocks = vec![
        Block::Heading(lang.recordings_heading()),
        Block::Table(Table::new(&lang.recording_columns(), 1, rows)),
    ];
    if left_out > 0 {
        blocks.push(Block::Paragraph(lang.more_recordings(thousands(left_out), RESULTS)));
    }
    blocks
}

/// Rule, measurement, reproduction and environment.
pub(crate) fn method(analysis: &Analysis, lang: Lang) -> Vec<Block> {
    let memory = &analysis.memory;
    let [files, warm_up] = [memory.files, memory.warm_up_files].map(|files| thousands(files as usize));
    vec![
        Block::Heading(lang.method_heading()),
        Block::Paragraph(lang.method_memory()),
        Block::Paragraph(lang.method_rule(LIMIT_MB)),
        Block::Paragraph(lang.method_warm_up(MIN_FILES, warm_up, files, thousands(memory.series))),
        Block::Paragraph(lang.method_sources(RESULTS, RESOURCES, EVENTS, RUN)),
        Block::Heading(lang.reproduction_heading()),
        Block::Command(shell(&analysis.run.command)),
        environment(analysis, lang),
    ]
}

fn environment(analysis: &Analysis, lang: Lang) -> Block {
    let run = &analysis.run;
    let [soft, hard] = [run.memory_soft_limit_bytes, run.memory_hard_limit_bytes]
        .map(|limit| limit.map_or_else(|| lang.none(), |bytes| mb(bytes as f64 / 1e6)));
    let mut facts = vec![
        (lang.soak(), run.test_id.clone()),
        (lang.started(), run.started.clone()),
        (lang.duration(), clock(run.wall_seconds)),
        (lang.rounds(), thousands(run.rounds)),
        (lang.recordings_per_round(), thousands(run.files.len())),
        (lang.version(), run.version.clone()),
        (lang.model(), run.model.clone()),
        (lang.engine(), run.engine.clone()),
        (lang.memory_limits(), format!("{soft} / {hard}")),
        (lang.processor(), format!("{} × {}", run.processors, run.processor)),
        (lang.machine_memory(), format!("{} GB", short(run.memory_bytes as f64 / 1e9))),
        (lang.kernel(), run.kernel.clone()),
        (lang.seed(), run.seed.to_string()),
    ];
    if !run.faults.is_empty() {
        facts.push((lang.requested_faults(), run.faults.join(", ")));
    }
    if run.interrupted {
        facts.push((lang.interrupted(), lang.yes()));
    }
    Block::Facts(facts)
}
