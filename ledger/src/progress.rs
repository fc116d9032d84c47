//! How far a job is, as the operator is told: the same by `/job` of a worker and by its farewell.

use std::collections::BTreeMap;

use verbatim_crds::contract::FailureReason;
use verbatim_crds::contract::messages::{FAILURE_TEXT, JobProgress, LedgerPhase};
use verbatim_crds::status::{FileFailure, MAX_FAILURES};

use crate::names::Ledger;
use crate::record::Line;
use crate::report::Report;
use crate::status::Status;

/// What a look at a job says of it.
pub fn of_status(status: &Status, ledger: &Ledger) -> JobProgress {
    JobProgress {
        phase: status.phase,
        files: status.files,
        succeeded: status.succeeded,
        failed: status.failed,
        skipped: status.skipped,
        bytes: status.bytes,
        bytes_done: status.bytes_done,
        bytes_skipped: status.bytes_skipped,
        bytes_under_way: status.bytes_under_way,
        audio_milliseconds: status.audio_milliseconds,
        shards: status.shards as u64,
        shards_done: status.shards_done as u64,
        failures_by_reason: by_reason(&status.failures_by_reason),
        failures: failures(&status.failures),
        report: (status.phase == LedgerPhase::Complete).then(|| ledger.address(&ledger.report_lines())),
    }
}

/// What the sums of a job that is over say of it: all but its shards, which are nobody's concern any more.
pub fn of_report(report: &Report, ledger: &Ledger) -> JobProgress {
    JobProgress {
        phase: LedgerPhase::Complete,
        files: report.files.total,
        succeeded: report.files.succeeded,
        failed: report.files.failed,
        skipped: report.files.skipped,
        bytes: report.bytes,
        bytes_done: report.bytes,
        audio_milliseconds: report.audio_milliseconds,
        failures_by_reason: by_reason(&report.failures_by_reason),
        failures: failures(&report.failures),
        report: Some(ledger.address(&ledger.report_lines())),
        ..JobProgress::default()
    }
}

fn by_reason(failures: &BTreeMap<FailureReason, u64>) -> BTreeMap<String, u64> {
    failures.iter().map(|(reason, files)| (reason.as_str().to_owned(), *files)).collect()
}

fn failures(lines: &[Line]) -> Vec<FileFailure> {
    let failure = |line: &Line| FileFailure {
        key: cut(&line.key),
        reason: line.outcome.reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        message: cut(line.outcome.message.as_deref().unwrap_or_default()),
        attempts: i32::try_from(line.outcome.attempts).unwrap_or(i32::MAX),
    };
    lines.iter().skip(lines.len().saturating_sub(MAX_FAILURES)).map(failure).collect()
}

/// A text that is short, and takes no more room in JSON than it shows: names of recordings may hold anything.
fn cut(text: &str) -> String {
    text.chars().take(FAILURE_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use verbatim_store::memory::MemoryStore;

    use super::*;
    use crate::outcome::Outcome;
    use crate::place::Place;

    #[test]
    fn a_report_is_cut_and_says_where_the_rest_is() {
        let ledger =
            Ledger::new(Place { store: Arc::new(MemoryStore::new()), prefix: "to/".to_owned() }, "uid");
        let mut report = Report::default();
        for number in 0..30 {
            report.add(&Line {
                key: format!("{number}\n{}", "ä".repeat(500)),
                id: None,
                bytes: 10,
                transcript: None,
                outcome: Outcome::failed(FailureReason::Corrupt, "\u{1b}[31m".repeat(99)),
            });
        }
        let job = of_report(&report, &ledger);
        assert_eq!(
            (job.phase, job.files, job.failed, job.bytes, job.bytes_done),
            (LedgerPhase::Complete, 30, 30, 300, 300)
        );
        assert_eq!(job.failures_by_reason, BTreeMap::from([("Corrupt".to_owned(), 30)]));
        assert_eq!(job.failures.len(), MAX_FAILURES);
        for failure in &job.failures {
            assert_eq!(
                (failure.key.chars().count(), failure.message.chars().count()),
                (FAILURE_TEXT, FAILURE_TEXT)
            );
            assert!(!failure.key.contains('\n') && !failure.message.contains('\u{1b}'));
        }
        assert!(job.report.unwrap().ends_with("to/.verbatim/uid/report.jsonl"));
    }
}
