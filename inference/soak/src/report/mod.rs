//! Reports of a soak. Reads the recorded files in a folder and writes verdicts, numbers and plots beside
//! them, in English and Chinese.

mod blocks;
mod chart;
mod details;
mod format;
mod html;
mod markdown;
mod messages;
mod plots;
mod sections;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use plotters::prelude::DrawingAreaErrorKind;

use crate::analysis::{Analysis, MemoryVerdict, read};
pub use crate::analysis::{LineError, ReadError};
use crate::report::blocks::Block;
use crate::report::format::{mb, percent, seconds, thousands};
use crate::report::markdown::markdown;
use crate::report::messages::Lang;
use crate::report::plots::Plots;
use verbatim_files::write::{WriteError, commit, stage};
use verbatim_text::clock;

/// The complete report, as one HTML page.
pub const REPORT_HTML: &str = "report.html";
/// The report in English, as Markdown.
pub const REPORT_EN: &str = "report.md";
/// The report in Chinese, as Markdown.
pub const REPORT_ZH: &str = "report.zh-CN.md";

/// The reports cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The recorded files cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A plot cannot be drawn.
    #[error("failed to draw {file}: {source}")]
    Draw {
        /// File of the plot.
        file: &'static str,
        /// Cause.
        source: DrawingAreaErrorKind<std::io::Error>,
    },
    /// A report cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Outcome of a soak, and the path of its report.
#[derive(Clone, Debug)]
pub struct Summary {
    analysis: Analysis,
    report: PathBuf,
}

/// Reads the recorded files of a soak in `folder` and writes the reports beside them, each completely or not
/// at all.
///
/// # Errors
/// [`ReportError`]. Existing reports are unchanged, unless the disk failed while the new ones were renamed.
pub fn write(folder: &Path) -> Result<Summary, ReportError> {
    let measurements = read(folder)?;
    let analysis = Analysis::of(&measurements);
    let plots = Plots::of(&measurements).map_err(|(file, source)| ReportError::Draw { file, source })?;
    // The measurements take most of the memory.
    drop(measurements);

    let (english, chinese) = (document(&analysis, Lang::English), document(&analysis, Lang::Chinese));
    let page = html::html(&english, &sections::verdicts(&analysis, Lang::Chinese), &plots);
    let documents = [(REPORT_EN, markdown(&english)), (REPORT_ZH, markdown(&chinese)), (REPORT_HTML, page)];
    // Plots first, so that a report always finds its plots.
    let texts = documents.iter().map(|(file, text)| (*file, text.as_str()));
    let staged = plots.iter().chain(texts).map(|(file, text)| stage(&folder.join(file), text.as_bytes()));
    commit(staged.collect::<Result<_, _>>()?)?;
    Ok(Summary { analysis, report: folder.join(REPORT_HTML) })
}

/// The report in one language: the verdicts first, then their evidence.
fn document(analysis: &Analysis, lang: Lang) -> Vec<Block> {
    let mut blocks = vec![Block::Title(lang.title(&analysis.run.test_id))];
    blocks.extend(sections::verdicts(analysis, lang));
    blocks.push(sections::main_numbers(analysis, lang));
    blocks.extend(sections::plots(lang));
    blocks.extend(sections::replacements(analysis, lang));
    blocks.extend(sections::faults(analysis, lang));
    blocks.extend(details::speed(analysis, lang));
    blocks.extend(details::recordings(analysis, lang));
    blocks.extend(details::method(analysis, lang));
    blocks
}

impl Summary {
    /// Whether the verdict is that memory leaks.
    pub fn memory_leaks(&self) -> bool {
        self.analysis.memory.verdict == MemoryVerdict::Leaks
    }

    /// Whether each task has exactly one result, and each recording the same result each time.
    pub fn is_complete(&self) -> bool {
        self.analysis.completeness.is_complete()
    }

    /// The summary for the terminal, at most ten lines.
    pub fn lines(&self) -> Vec<String> {
        let Analysis { memory, completeness, peaks, rtf, all_replacements: all, run, .. } = &self.analysis;
        let lang = Lang::English;
        let (verdict, explanation) = sections::memory(memory, lang);
        let (engine, supervisor) = (mb(peaks.engine_mb), mb(peaks.supervisor_mb));
        let mut lines = vec![
            format!("{verdict}. {explanation}"),
            format!("Peak resident memory: engine {engine}, supervisor {supervisor}"),
            sections::completeness(completeness, lang),
        ];
        if self.analysis.fault_totals().injected > 0 {
            lines.push(sections::fault_totals(&self.analysis, lang));
        }
        lines.push(format!("{}: {}", lang.rtf_quantiles(), format::rtf(*rtf)));
        if all.count > 0 {
            let reasons = self.analysis.replacements.iter();
            let reasons = reasons.map(|(reason, cost)| format!("{reason} {}", thousands(cost.count)));
            lines.push(format!(
                "Engines replaced: {} ({}); time without an engine: {} ({}); files rerun: {}",
                thousands(all.count),
                sections::list(reasons, lang),
                seconds(all.gap_seconds),
                percent(self.analysis.gap_share),
                thousands(all.reruns)
            ));
        }
        lines.push(format!("Duration: {}", clock(run.wall_seconds)));
        lines.push(format!("Report: {}", self.report.display()));
        lines
    }
}
