//! Totals of a whole job, all workers included, and its recorded failures.

use std::fmt::Write as _;

use verbatim_ledger::report::Report;
use verbatim_ledger::shard_record::ReportLine;
use verbatim_text::{clock, files, ratio};

use crate::escaped_path::EscapedPath;

/// Totals of a finished job, on one line.
pub fn job_totals(report: &Report) -> String {
    let mut text = format!(
        "The job: {}, {} transcribed, {} skipped, {} failed",
        files(report.files.total),
        report.files.succeeded,
        report.files.skipped,
        report.files.failed
    );
    if let Some(factor) = report.real_time_factor() {
        let _ = write!(
            text,
            "; {} of audio (real-time factor of a file: {})",
            clock(report.audio_milliseconds as f64 / 1000.0),
            ratio(factor)
        );
    }
    text
}

/// A failed recording of the report, on one line with its end.
pub fn recorded_failure_line(line: &ReportLine) -> String {
    let reason = line.outcome.reason.map(|reason| reason.as_str()).unwrap_or_default();
    let message = line.outcome.message.as_deref().unwrap_or_default();
    format!("FAILED {}: {reason}: {message}\n", EscapedPath(line.key.as_ref()))
}
