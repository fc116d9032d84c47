//! Progress of a job for the operator: the same in `/job` of a worker and in its termination message.

use verbatim_crds::contract::messages::{FAILURE_TEXT, JobProgress, LedgerPhase};
use verbatim_crds::status::{FileFailure, MAX_FAILURES};

use crate::keys::Ledger;
use crate::report::Report;
use crate::shard_record::ReportLine;

/// Progress of a complete job; without its shards, which nobody needs any more.
pub fn from_report(report: &Report, ledger: &Ledger) -> JobProgress {
    JobProgress {
        phase: LedgerPhase::Complete,
        failures: failures(&report.failures),
        report: Some(ledger.address(&ledger.report_lines_key())),
        ..sums(report)
    }
}

/// The sums of finished files; all other fields have their defaults.
pub(crate) fn sums(report: &Report) -> JobProgress {
    let reasons = report.failures_by_reason.iter();
    JobProgress {
        files: report.files.total,
        succeeded: report.files.succeeded,
        failed: report.files.failed,
        skipped: report.files.skipped,
        bytes: report.bytes,
        bytes_done: report.bytes,
        audio_milliseconds: report.audio_milliseconds,
        failures_by_reason: reasons.map(|(reason, files)| (reason.as_str().to_owned(), *files)).collect(),
        ..JobProgress::default()
    }
}

/// The last failures, shortened.
pub(crate) fn failures(lines: &[ReportLine]) -> Vec<FileFailure> {
    let failure = |line: &ReportLine| FileFailure {
        key: cut(&line.key),
        reason: line.outcome.reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        message: cut(line.outcome.message.as_deref().unwrap_or_default()),
        attempts: i32::try_from(line.outcome.attempts).unwrap_or(i32::MAX),
    };
    lines.iter().skip(lines.len().saturating_sub(MAX_FAILURES)).map(failure).collect()
}

/// Shortens a text and replaces control characters, which take more room in JSON: names of recordings may
/// contain anything.
fn cut(text: &str) -> String {
    text.chars().take(FAILURE_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use verbatim_crds::contract::FailureReason;
    use verbatim_store::memory::MemoryStore;

    use super::*;
    use crate::outcome::Outcome;
    use crate::store_location::StoreLocation;

    #[test]
    fn progress_has_the_last_failures_and_the_address_of_the_report() {
        let ledger = Ledger::new(
            StoreLocation { store: Arc::new(MemoryStore::new()), prefix: "to/".to_owned() },
            "uid",
        );
        let mut report = Report::default();
        for number in 0..30 {
            report.add(&ReportLine {
                key: format!("{number}\n{}", "ä".repeat(500)),
                id: None,
                bytes: 10,
                transcript: None,
                outcome: Outcome::failed(FailureReason::Corrupt, "\u{1b}[31m".repeat(99)),
            });
        }
        let job = from_report(&report, &ledger);
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
