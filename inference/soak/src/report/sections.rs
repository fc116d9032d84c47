//! What the documents say first: the verdict, the figures, recycles and faults. It takes the figures and gives blocks.

use crate::report::blocks::{Block, Tone};
use crate::report::faults::FaultRow;
use crate::report::figures::{Figures, Losses, RecycleRow};
use crate::report::verdict::Verdict;
use crate::report::words::{Lang, count, maybe, mb, percent, rtf, seconds, short, signed};
use verbatim_supervisor::stats::Slope;
use verbatim_text::clock;

/// Rows that a table of faults or recordings has at most; a page with more is not read.
pub const MOST_ROWS: usize = 300;

/// The verdicts: on memory, on losses, and on faults where some were injected.
pub fn verdicts(figures: &Figures, lang: Lang) -> Vec<Block> {
    let tone = match figures.memory.verdict {
        Verdict::Flat => Tone::Good,
        Verdict::Leaks => Tone::Bad,
        Verdict::TooFew | Verdict::TooNoisy => Tone::Unsure,
    };
    let memory = lang.verdict(figures.memory.verdict).to_owned();
    let mut blocks = vec![Block::Verdict(tone, memory, lang.memory(&figures.memory))];

    let losses = &figures.losses;
    let (tone, whole) = if losses.is_whole() {
        (Tone::Good, lang.say("Nothing is lost", "没有丢失任务"))
    } else {
        (Tone::Bad, lang.say("Results are not whole", "结果不完整"))
    };
    blocks.push(Block::Verdict(tone, whole.to_owned(), losses_in_words(losses, lang)));

    let (injected, found) = figures.faults_found();
    if injected > 0 {
        let (tone, all) = if found == injected {
            (Tone::Good, lang.say("Every fault was found", "所有故障均被发现"))
        } else {
            (Tone::Bad, lang.say("Not every fault was found", "有故障未被发现"))
        };
        blocks.push(Block::Verdict(tone, all.to_owned(), faults_in_words(figures, lang)));
    }
    blocks
}

/// How many faults were found, and how many could not show.
pub fn faults_in_words(figures: &Figures, lang: Lang) -> String {
    let (injected, found) = figures.faults_found();
    let (overtaken, harmless) = figures.faults_without_effect();
    let (injected, found) = (count(injected), count(found));
    let mut words = vec![lang.say(
        format!("{found} of {injected} injected faults were found as what they are."),
        format!("注入的 {injected} 个故障中，{found} 个被正确识别。"),
    )];
    if overtaken > 0 {
        let overtaken = count(overtaken);
        words.push(lang.say(
            format!("Not counted: {overtaken} whose engine was lost to another fault first."),
            format!("另有 {overtaken} 个故障因引擎先被其他故障终止而未计入。"),
        ));
    }
    if harmless > 0 {
        let harmless = count(harmless);
        words.push(lang.say(
            format!("Not counted: {harmless} leaks of a single file that stayed below all limits."),
            format!("另有 {harmless} 个单文件泄漏未超过任何限值，未计入。"),
        ));
    }
    words.join(lang.say(" ", ""))
}

/// What was lost, failed or differed.
pub fn losses_in_words(losses: &Losses, lang: Lang) -> String {
    let answered = count(losses.answered);
    let mut words = vec![if losses.lost == 0 && losses.twice == 0 {
        lang.say(
            format!("Each of {answered} tasks has exactly one result."),
            format!("全部 {answered} 个任务各有且仅有一个结果。"),
        )
    } else {
        let (lost, twice) = (count(losses.lost), count(losses.twice));
        lang.say(
            format!("{answered} tasks have a result, {lost} have none, and {twice} results are there again."),
            format!("{answered} 个任务有结果，{lost} 个任务没有结果，{twice} 个结果重复。"),
        )
    }];
    if losses.cut_off > 0 {
        let cut_off = count(losses.cut_off);
        words.push(lang.say(
            format!("The soak was interrupted; {cut_off} tasks had been begun by then."),
            format!("测试被中断，当时有 {cut_off} 个任务尚未完成。"),
        ));
    }
    if losses.failed.is_empty() {
        words.push(lang.say("No file failed.", "没有文件失败。").to_owned());
    } else {
        let reasons = losses.failed.iter().map(|(reason, number)| format!("{reason} {}", count(*number)));
        let (failures, reasons) = (count(losses.failures()), lang.list(reasons));
        words.push(
            lang.say(
                format!("Failed: {failures} ({reasons})."),
                format!("失败 {failures} 个（{reasons}）。"),
            ),
        );
    }
    if losses.differing.is_empty() {
        words.push(
            lang.say("All results of the same recording are equal.", "同一录音的所有结果完全一致。")
                .to_owned(),
        );
    } else {
        let names = losses.differing.iter().take(10).map(|(name, _)| name.clone());
        let (number, names) = (count(losses.differing.len()), lang.list(names));
        words.push(lang.say(
            format!("Recordings whose results differ: {number} ({names})."),
            format!("有 {number} 个录音的结果不一致（{names}）。"),
        ));
    }
    words.join(lang.say(" ", ""))
}

/// The main figures.
pub fn main_figures(figures: &Figures, lang: Lang) -> Block {
    let peaks = figures.peaks;
    let all = &figures.all_recycles;
    let mut facts = vec![
        (lang.say("Growth per 100 files", "每 100 个文件的增长"), slope(figures.memory.per_100_files, lang)),
        (lang.say("Growth per hour", "每小时的增长"), slope(figures.memory.per_hour, lang)),
        (lang.say("Peak resident memory, engine", "引擎常驻内存峰值"), mb(peaks.engine_mb)),
        (lang.say("Peak resident memory, supervisor", "监管进程常驻内存峰值"), mb(peaks.supervisor_mb)),
        (
            lang.say("Supervisor's growth per hour", "监管进程每小时的增长"),
            slope(figures.supervisor_per_hour, lang),
        ),
    ];
    facts.extend(peaks.cgroup_mb.map(|peak| (lang.say("Peak memory, cgroup", "cgroup 内存峰值"), mb(peak))));
    facts.extend(peaks.cuda_mb.map(|peak| (lang.say("Peak GPU memory, engines", "引擎显存峰值"), mb(peak))));
    facts.extend([
        (lang.say("Real-time factor, p50 / p90 / p99", "实时率 p50 / p90 / p99"), rtf(figures.rtf)),
        (lang.say("Files done", "完成的文件"), count(figures.losses.answered - figures.losses.failures())),
        (lang.say("Files failed", "失败的文件"), count(figures.losses.failures())),
        (lang.say("Audio transcribed", "转写的音频"), format!("{} h", short(figures.audio_hours))),
        (lang.say("Duration", "测试时长"), clock(figures.run.wall_seconds)),
        (lang.say("Engines replaced", "引擎更换次数"), count(all.count)),
        (
            lang.say("Time without an engine", "无引擎可用的时间"),
            lang.say(
                format!("{} ({})", seconds(all.gap_seconds), percent(figures.gap_share)),
                format!("{}（{}）", seconds(all.gap_seconds), percent(figures.gap_share)),
            ),
        ),
        (lang.say("Files run again", "重新运行的文件"), count(all.run_again)),
    ]);
    Block::Facts(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn slope(slope: Option<Slope>, lang: Lang) -> String {
    maybe(slope, |slope| {
        let (estimate, low, high) = (signed(slope.estimate), signed(slope.low), signed(slope.high));
        lang.say(format!("{estimate} MB ({low} to {high})"), format!("{estimate} MB（{low} 至 {high}）"))
    })
}

/// Engines that were replaced: why, and at what cost.
pub fn recycles(figures: &Figures, lang: Lang) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(lang.say("Engines replaced", "引擎更换").to_owned())];
    let started = figures.engines;
    let load = maybe(figures.load_seconds, seconds);
    blocks.push(Block::Paragraph(lang.say(
        match started {
            1 => format!("One engine was started; it took {load} until it took files."),
            _ => format!(
                "{} engines were started; each took {load} until it took files (median).",
                count(started)
            ),
        },
        format!("共启动 {} 个引擎；从启动到可以处理文件的时间中位数为 {load}。", count(started)),
    )));
    let (times, waited) = figures.backing_off;
    if times > 0 {
        let (times, waited) = (count(times), seconds(waited));
        blocks.push(Block::Paragraph(lang.say(
            format!("Engines failed so often that the next one waited {times} times, {waited} in all."),
            format!("由于引擎频繁失败，后续引擎延迟启动 {times} 次，共 {waited}。"),
        )));
    }
    if figures.budgets > 0 {
        let budgets = count(figures.budgets);
        blocks.push(Block::Paragraph(lang.say(
            format!("The batch budget changed {budgets} times."),
            format!("批处理预算调整了 {budgets} 次。"),
        )));
    }
    if figures.recycles.is_empty() {
        blocks.push(Block::Paragraph(lang.say("None was replaced.", "没有更换过引擎。").to_owned()));
        return blocks;
    }
    let wall = figures.run.wall_seconds.max(1.0);
    let row = |name: &str, row: &RecycleRow| {
        let mean = (row.gaps > 0).then(|| row.gap_seconds / row.gaps as f64);
        vec![
            name.to_owned(),
            count(row.count),
            seconds(row.gap_seconds),
            maybe(mean, seconds),
            seconds(row.longest_gap),
            percent(row.gap_seconds / wall),
            count(row.run_again),
        ]
    };
    let mut rows: Vec<_> = figures.recycles.iter().map(|(reason, cost)| row(reason, cost)).collect();
    if rows.len() > 1 {
        rows.push(row(lang.say("All", "合计"), &figures.all_recycles));
    }
    let header = lang.say(
        ["Reason", "Engines", "Gaps, all", "Gap, mean", "Gap, longest", "Share of time", "Files run again"],
        ["原因", "引擎数", "间隔合计", "平均间隔", "最长间隔", "占总时长", "重新运行的文件"],
    );
    blocks.push(Block::Table {
        caption: String::new(),
        header: header.map(str::to_owned).to_vec(),
        rows,
        text_columns: 1,
    });
    blocks.push(Block::Paragraph(
        lang.say(
            "A gap is time in which no engine took files. Files run again are counted exactly in all; those of one \
             reason are the files that were begun again after an engine was lost for it.",
            "间隔指没有引擎可以处理文件的时间。重新运行的文件总数是精确的；各原因的数目按引擎丢失之后重新开始的文件计算。",
        )
        .to_owned(),
    ));
    blocks
}

/// Injected faults: what they were found as, after how long, and at what cost. Nothing where none was injected.
pub fn faults(figures: &Figures, lang: Lang) -> Vec<Block> {
    if figures.faults.is_empty() {
        return Vec::new();
    }
    let row = |fault: &FaultRow| {
        let reasons = fault.reasons.iter().map(|(reason, number)| match number {
            1 => (*reason).to_owned(),
            _ => format!("{reason} × {}", count(*number)),
        });
        let reasons = lang.list(reasons);
        vec![
            fault.fault.clone(),
            match (reasons.is_empty(), fault.overtaken > 0, fault.harmless > 0) {
                (false, ..) => reasons,
                (true, true, _) => lang.say("lost to another first", "先因其他故障终止").to_owned(),
                (true, _, true) => lang.say("below all limits", "未超过限值").to_owned(),
                _ => lang.say("not found", "未发现").to_owned(),
            },
            fault.why.clone(),
            if fault.lasting {
                lang.say("every file", "每个文件").to_owned()
            } else {
                count(fault.injected)
            },
            count(fault.found),
            maybe(fault.seconds, seconds),
            seconds(fault.gap_seconds),
            count(fault.run_again),
        ]
    };
    let header = lang.say(
        ["Fault", "Found as", "Why (the first)", "Injected", "Found", "After", "Gaps", "Files run again"],
        ["故障", "识别为", "依据（首次）", "注入", "发现", "用时", "间隔", "重新运行的文件"],
    );
    let mut blocks = vec![
        Block::Heading(lang.say("Faults", "故障注入").to_owned()),
        Block::Paragraph(
            lang.say(
                "A fault counts as found when the engine that it hit was replaced afterwards, for a reason that fits. A \
                 leak comes with every file, counts once, and costs every engine that was replaced for its \
                 memory and that no other fault explains.",
                "故障命中的引擎随后以相符的原因被更换，即视为发现。泄漏随每个文件注入，只计一次；其代价为所有因内存而更换、且不能由其他故障解释的引擎。",
            )
            .to_owned(),
        ),
        Block::Table {
            caption: String::new(),
            header: header.map(str::to_owned).to_vec(),
            rows: figures.faults.iter().take(MOST_ROWS).map(row).collect(),
            text_columns: 3,
        },
    ];
    if figures.faults.len() > MOST_ROWS {
        let more = count(figures.faults.len() - MOST_ROWS);
        blocks.push(Block::Paragraph(lang.say(format!("And {more} more."), format!("另有 {more} 项。"))));
    }
    blocks
}
