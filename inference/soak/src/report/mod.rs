//! The reports of a soak: they take the folder with its recorded files and write the verdict, figures and plots beside
//! them, in English and Chinese.

pub mod blocks;
pub mod engines;
pub mod faults;
pub mod figures;
pub mod findings;
pub mod frame;
pub mod html;
pub mod measured;
pub mod plots;
pub mod read;
pub mod sections;
pub mod series;
pub mod tables;
pub mod tasks;
pub mod verdict;
pub mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use plotters::prelude::DrawingAreaErrorKind;

use crate::report::blocks::{Block, markdown};
use crate::report::figures::Figures;
use crate::report::plots::{CPU, MEMORY, Plots, RTF};
use crate::report::read::ReadError;
use crate::report::words::{Lang, count, mb, percent, seconds};
use verbatim_files::write::{WriteError, commit, stage};
use verbatim_text::clock;

/// The report for people, with everything in it.
pub const REPORT_HTML: &str = "report.html";
/// The report in English.
pub const REPORT_EN: &str = "report.md";
/// The report in Chinese.
pub const REPORT_ZH: &str = "report.zh-CN.md";

/// Why there are no reports.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The recorded files cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A plot cannot be drawn.
    #[error("failed to draw {file}: {source}")]
    Draw {
        /// The plot's file.
        file: &'static str,
        /// Why.
        source: DrawingAreaErrorKind<std::io::Error>,
    },
    /// A report cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What a soak found, and where the report is.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Every figure.
    pub figures: Figures,
    /// The report for people.
    pub report: PathBuf,
}

/// Reads the recorded files of a soak in `folder` and writes the reports beside them, each whole or not at all.
///
/// # Errors
/// [`ReportError`]; reports that were there before are as they were, unless the disk failed while names were given.
pub fn write(folder: &Path) -> Result<Summary, ReportError> {
    let findings = read::read(folder)?;
    let figures = Figures::of(&findings);
    let plots = Plots::of(&findings).map_err(|(file, source)| ReportError::Draw { file, source })?;
    // The findings are the larger part of the memory.
    drop(findings);

    let english = document(&figures, Lang::En);
    let mut staged = Vec::new();
    // The plots first: a report that is there can show them.
    for (file, svg) in plots.iter() {
        staged.push(stage(&folder.join(file), svg.as_bytes())?);
    }
    let chinese = document(&figures, Lang::Zh);
    let page = html::html(&english, &sections::verdicts(&figures, Lang::Zh), &plots);
    for (file, text) in
        [(REPORT_EN, markdown(&english)), (REPORT_ZH, markdown(&chinese)), (REPORT_HTML, page)]
    {
        staged.push(stage(&folder.join(file), text.as_bytes())?);
    }
    commit(staged)?;
    Ok(Summary { figures, report: folder.join(REPORT_HTML) })
}

/// The document in one language: the verdict first, then what it rests on.
fn document(figures: &Figures, lang: Lang) -> Vec<Block> {
    let soak = &figures.run.test_id;
    let mut blocks =
        vec![Block::Title(lang.say(format!("Soak report: {soak}"), format!("长时间稳定性测试报告：{soak}")))];
    blocks.extend(sections::verdicts(figures, lang));
    blocks.push(sections::main_figures(figures, lang));
    blocks.extend([
        Block::Plot(
            MEMORY,
            lang.say(
                "Resident memory of engines and of the supervisor, each second; strokes at the top are engines that \
                 were replaced.",
                "引擎与监管进程的常驻内存（每秒一次）；顶部短线表示引擎更换。",
            )
            .to_owned(),
        ),
        Block::Plot(
            CPU,
            lang.say(
                "Processor time of engines and of the supervisor over each second.",
                "引擎与监管进程每秒的处理器占用。",
            )
            .to_owned(),
        ),
        Block::Plot(
            RTF,
            lang.say(
                "Seconds of processing for a second of audio, of each file, with the median over time.",
                "各文件的实时率（处理秒数/音频秒数）及其随时间变化的中位数。",
            )
            .to_owned(),
        ),
    ]);
    blocks.extend(sections::recycles(figures, lang));
    blocks.extend(sections::faults(figures, lang));
    blocks.extend(measured::groups(figures, lang));
    blocks.extend(measured::recordings(figures, lang));
    blocks.extend(measured::method(figures, lang));
    blocks
}

impl Summary {
    /// The summary for people, ten lines at most.
    pub fn lines(&self) -> Vec<String> {
        let Figures { memory, losses, peaks, rtf, all_recycles, run, .. } = &self.figures;
        let lang = Lang::En;
        let mut lines = vec![
            format!("{}. {}", lang.verdict(memory.verdict), lang.memory(memory)),
            format!(
                "Peak resident memory: engine {}, supervisor {}",
                mb(peaks.engine_mb),
                mb(peaks.supervisor_mb)
            ),
            sections::losses_in_words(losses, lang),
        ];
        let (injected, _) = self.figures.faults_found();
        if injected > 0 {
            lines.push(sections::faults_in_words(&self.figures, lang));
        }
        lines.push(format!("Real-time factor, p50 / p90 / p99: {}", words::rtf(*rtf)));
        if all_recycles.count > 0 {
            let reasons = self.figures.recycles.iter();
            let reasons = reasons.map(|(reason, row)| format!("{reason} {}", count(row.count)));
            lines.push(format!(
                "Engines replaced: {} ({}); {} without one, {} of the time; files run again: {}",
                count(all_recycles.count),
                lang.list(reasons),
                seconds(all_recycles.gap_seconds),
                percent(self.figures.gap_share),
                count(all_recycles.run_again)
            ));
        }
        lines.push(format!("Duration: {}", clock(run.wall_seconds)));
        lines.push(format!("Report: {}", self.report.display()));
        lines
    }
}
