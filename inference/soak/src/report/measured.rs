//! What the documents say further on: tables, how it was measured, how to repeat it. It takes the figures and gives blocks.

use crate::report::blocks::Block;
use crate::report::figures::Figures;
use crate::report::read::{EVENTS, RESOURCES, RESULTS, RUN};
use crate::report::sections::MOST_ROWS;
use crate::report::tables::{Group, Length, Measured, RecordingRow};
use crate::report::verdict::{LEAST_FILES, LIMIT_MB};
use crate::report::words::{Lang, count, maybe, mb, seconds, shell, short, signed};
use verbatim_text::{clock, ratio};

/// The tables of the original report.
pub fn groups(figures: &Figures, lang: Lang) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(lang.say("Speed and memory", "速度与内存").to_owned())];
    for length in Length::ALL {
        let rows: Vec<_> =
            figures.groups.iter().filter(|group| group.length == length).map(group_row).collect();
        if rows.is_empty() {
            continue;
        }
        let caption = match length {
            Length::Short => lang.say("Short audio (less than 60 s)", "短音频（不足 60 秒）"),
            Length::Long => lang.say("Long audio (60 s and more)", "长音频（60 秒及以上）"),
            Length::All => lang.say("All audio", "全部音频"),
        };
        let header = lang.say(
            [
                "Concurrency",
                "Files",
                "Failed",
                "Mean",
                "Median",
                "RTF",
                "RSS before",
                "RSS after",
                "RSS delta",
                "Files/min",
                "Audio h/h",
            ],
            [
                "并发数",
                "文件数",
                "失败",
                "平均耗时",
                "耗时中位数",
                "实时率",
                "处理前 RSS",
                "处理后 RSS",
                "RSS 变化",
                "文件/分钟",
                "音频小时/小时",
            ],
        );
        blocks.push(Block::Table {
            caption: caption.to_owned(),
            header: header.map(str::to_owned).to_vec(),
            rows,
            text_columns: 0,
        });
    }
    blocks.push(Block::Paragraph(
        lang.say(
            "Mean and median are seconds from a file's first byte to its last segment. RTF is seconds of processing over \
             seconds of audio, from sums. RSS is resident memory of the engine, means over files. Short and long audio \
             ran together, so the last two columns of their tables are shares of the same time.",
            "平均耗时与中位数为从文件首字节到最后一个语段的秒数。实时率为处理秒数之和除以音频秒数之和。RSS 为引擎的常驻内存，取各文件的平均值。短音频与长音频在同一时段内一起运行，因此这两个表的最后两列是同一时段中的份额。",
        )
        .to_owned(),
    ));
    blocks
}

fn group_row(group: &Group) -> Vec<String> {
    let mut row = vec![count(group.concurrency), count(group.files), count(group.failed)];
    row.extend(measured_cells(group.measured.as_ref()));
    row.push(maybe(group.files_per_minute, short));
    row.push(maybe(group.audio_per_hour, short));
    row
}

/// Mean, median, real-time factor, and memory before, after and between.
fn measured_cells(measured: Option<&Measured>) -> [String; 6] {
    let cell = |words: fn(&Measured) -> String| maybe(measured, words);
    [
        cell(|measured| seconds(measured.mean_seconds)),
        cell(|measured| seconds(measured.median_seconds)),
        cell(|measured| ratio(measured.rtf)),
        cell(|measured| mb(measured.rss_mb[0])),
        cell(|measured| mb(measured.rss_mb[1])),
        cell(|measured| format!("{} MB", signed(measured.rss_mb[2]))),
    ]
}

/// A table with every recording, or with the first few hundred, those with something wrong before all others.
pub fn recordings(figures: &Figures, lang: Lang) -> Vec<Block> {
    let mut shown: Vec<&RecordingRow> = figures.recordings.iter().collect();
    let left_out = shown.len().saturating_sub(MOST_ROWS);
    if left_out > 0 {
        shown.sort_by_key(|row| row.failed == 0 && row.results <= 1);
        shown.truncate(MOST_ROWS);
    }
    let row = |recording: &&RecordingRow| {
        let measured = recording.measured.as_ref();
        vec![
            recording.name.clone(),
            mb(recording.size_mb),
            maybe(recording.audio_seconds, seconds),
            count(recording.files),
            count(recording.failed),
            maybe(measured, |measured| seconds(measured.median_seconds)),
            maybe(measured, |measured| ratio(measured.rtf)),
            maybe(measured, |measured| mb(measured.rss_mb[1])),
            count(recording.results),
        ]
    };
    let header = lang.say(
        ["Recording", "Size", "Audio", "Runs", "Failed", "Median", "RTF", "RSS after", "Different results"],
        ["录音", "大小", "音频", "运行次数", "失败", "耗时中位数", "实时率", "处理后 RSS", "不同结果数"],
    );
    let mut blocks = vec![
        Block::Heading(lang.say("Recordings", "各录音").to_owned()),
        Block::Table {
            caption: String::new(),
            header: header.map(str::to_owned).to_vec(),
            rows: shown.iter().map(row).collect(),
            text_columns: 1,
        },
    ];
    if left_out > 0 {
        let left_out = count(left_out);
        blocks.push(Block::Paragraph(lang.say(
            format!("{left_out} more recordings are in {RESULTS}."),
            format!("其余 {left_out} 个录音见 {RESULTS}。"),
        )));
    }
    blocks
}

/// The rule, how it was measured, and on what.
pub fn method(figures: &Figures, lang: Lang) -> Vec<Block> {
    let memory = &figures.memory;
    let (files, warm_up, lives) =
        (count(memory.files as usize), count(memory.warm_up_files as usize), count(memory.lives));
    let mut blocks = vec![
        Block::Heading(lang.say("How it was measured", "测量方法").to_owned()),
        Block::Paragraph(lang.say(
            "Resident memory is that of the engine, the process which owns the model. Its supervisor, another process, \
             reads it from /proc, so the engine has no part in it: every second, and before and after each file. \
             Units are 10^6 bytes.",
            "常驻内存指引擎进程（即持有模型的进程）的常驻内存。由另一个进程，即其监管进程，从 /proc 读取，引擎不参与测量：每秒一次，并在每个文件处理前后各一次。单位为 10^6 字节。",
        )
        .to_owned()),
        Block::Paragraph(lang.say(
            format!(
                "The rule: resident memory after each file against the files that the engine did. Pairs of files of one \
                 engine at one concurrency give slopes; the median of all slopes is the growth (Theil and Sen), with \
                 Sen's 95 % interval. Memory is flat when the interval lies below {LIMIT_MB} MB per 100 files, leaks when it \
                 lies at or above it, and is undecided otherwise. The interval takes the noise of files as independent of \
                 each other."
            ),
            format!(
                "判定规则：以每个文件处理后的常驻内存对引擎已处理的文件数作回归。同一引擎、同一并发数下的文件两两配对求斜率，所有斜率的中位数即为增长率（Theil-Sen 估计），并给出 Sen 的 95% 置信区间。区间完全低于每 100 个文件 {LIMIT_MB} MB 为平稳，完全不低于该值为泄漏，其余为尚无定论。该区间假定各文件的噪声相互独立。"
            ),
        )),
        Block::Paragraph(lang.say(
            format!(
                "Warm-up is left out: of each engine at each concurrency the first 20 files or half of its files, \
                 whichever is less, and the whole first round where it lived for more than two; of fewer than {LEAST_FILES} \
                 files all. That is {warm_up} files; {files} files of {lives} such stretches remain."
            ),
            format!(
                "预热部分不计入：对每个引擎的每个并发数，去掉前 20 个文件或其文件数的一半（取较少者）；若处理超过两轮，则去掉整个第一轮；不足 {LEAST_FILES} 个文件的全部去掉。共去掉 {warm_up} 个文件，剩余 {lives} 段共 {files} 个文件。"
            ),
        )),
        Block::Paragraph(lang.say(
            format!("All figures are made from {RESULTS}, {RESOURCES}, {EVENTS} and {RUN} beside this report."),
            format!("所有数字均由本报告旁的 {RESULTS}、{RESOURCES}、{EVENTS} 和 {RUN} 得出。"),
        )),
        Block::Heading(lang.say("How to repeat it", "复现方法").to_owned()),
        Block::Code(shell(&figures.run.command)),
    ];
    blocks.push(machine(figures, lang));
    blocks
}

fn machine(figures: &Figures, lang: Lang) -> Block {
    let run = &figures.run;
    let limit = |bytes: Option<u64>| match bytes {
        Some(bytes) => mb(bytes as f64 / 1e6),
        None => lang.say("none", "无").to_owned(),
    };
    let mut facts = vec![
        (lang.say("Soak", "测试"), run.test_id.clone()),
        (lang.say("Begun", "开始时间"), run.started.clone()),
        (lang.say("Duration", "测试时长"), clock(run.wall_seconds)),
        (lang.say("Rounds", "轮数"), count(run.rounds)),
        (lang.say("Recordings in a round", "每轮录音数"), count(run.files.len())),
        (lang.say("Verbatim", "Verbatim 版本"), run.version.clone()),
        (lang.say("Model", "模型"), run.model.clone()),
        (lang.say("Engine", "引擎"), run.engine.clone()),
        (
            lang.say("Memory limits, soft and hard", "内存软限制与硬限制"),
            format!("{} / {}", limit(run.memory_soft_limit_bytes), limit(run.memory_hard_limit_bytes)),
        ),
        (lang.say("Processor", "处理器"), format!("{} × {}", run.processors, run.processor)),
        (lang.say("Memory", "内存"), format!("{} GB", short(run.memory_bytes as f64 / 1e9))),
        (lang.say("Kernel", "内核"), run.kernel.clone()),
        (lang.say("Seed", "随机种子"), run.seed.to_string()),
    ];
    if !run.faults.is_empty() {
        facts.push((lang.say("Faults asked for", "要求注入的故障"), run.faults.join(", ")));
    }
    if run.interrupted {
        facts.push((lang.say("Interrupted", "被中断"), lang.say("yes", "是").to_owned()));
    }
    Block::Facts(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
