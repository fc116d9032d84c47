//! The container's termination message: why a worker left, and its counts.

use std::path::Path;

use verbatim_crds::contract::TERMINATION_MESSAGE_BYTES;
use verbatim_crds::contract::messages::{ExitReason, MIN_FAILURES, TerminationMessage};
use verbatim_crds::status::FileFailure;
use verbatim_ledger::progress::from_report;
use verbatim_ledger::worker;

use crate::error::CommandError;
use crate::exit;
use crate::run_ledger::FinishedRun;
use crate::worker::worker_error::WorkerCommandError;

/// Message of a worker that left its job in order.
pub fn of_run(code: u8, run: &FinishedRun) -> TerminationMessage {
    let (left, job) = match &run.stop_reason {
        worker::StopReason::Complete(report) => {
            (ExitReason::Complete, Some(from_report(report, &run.ledger)))
        }
        worker::StopReason::NothingToClaim => (ExitReason::NothingToClaim, None),
        worker::StopReason::Drained => (ExitReason::Drained, None),
    };
    TerminationMessage {
        exit: code,
        left,
        cause: None,
        message: None,
        succeeded: run.counts.done as u64,
        skipped: run.counts.skipped as u64,
        failed: run.counts.failures() as u64,
        audio_seconds: run.counts.audio_seconds as u64,
        job,
    }
}

/// Message of a worker that could not work. A worker that was stopped before it had any work counts as
/// drained.
pub fn of_error(error: &WorkerCommandError) -> TerminationMessage {
    let exit = error.error.exit_code();
    let drained = matches!(error.error, CommandError::Interrupted(_)) && exit == exit::DRAINED;
    TerminationMessage {
        exit,
        left: if drained { ExitReason::Drained } else { ExitReason::Error },
        cause: (!drained).then_some(error.cause),
        message: (!drained).then(|| error.error.to_string()),
        ..TerminationMessage::default()
    }
}

/// Writes a message, if its file exists. A failure to write it is logged and does not fail the worker.
pub fn write(path: &Path, message: TerminationMessage) {
    if !path.exists() {
        return;
    }
    if let Err(error) = std::fs::write(path, fit(message)) {
        tracing::warn!("failed to write the termination message: {error}");
    }
}

/// The message as JSON within the limit of Kubernetes. Shortened in this order: the oldest failures beyond
/// the minimum, texts, the remaining failures. Numbers stay.
fn fit(mut message: TerminationMessage) -> Vec<u8> {
    loop {
        let json = serde_json::to_vec(&message).unwrap_or_default();
        if json.len() <= TERMINATION_MESSAGE_BYTES || !shorten(&mut message) {
            return json;
        }
    }
}

/// Shortens a message by one step. Returns whether there was anything to shorten.
fn shorten(message: &mut TerminationMessage) -> bool {
    let halve = |text: &mut String| {
        let half = text.chars().count() / 2;
        *text = text.chars().take(half).collect();
    };
    if let Some(text) = message.message.as_mut().filter(|text| !text.is_empty()) {
        halve(text);
        return true;
    }
    let Some(job) = &mut message.job else { return false };
    if job.failures.len() > MIN_FAILURES {
        // The oldest failure.
        job.failures.remove(0);
        return true;
    }
    let length = |failure: &FileFailure| failure.key.len() + failure.message.len();
    if job.failures.iter().any(|failure| length(failure) > 0) {
        for failure in &mut job.failures {
            halve(&mut failure.key);
            halve(&mut failure.message);
        }
        return true;
    }
    let report = job.report.take_if(|_| job.failures.is_empty());
    !std::mem::take(&mut job.failures).is_empty() || report.is_some()
}

#[cfg(test)]
mod tests {
    use verbatim_crds::contract::FailureReason;
    use verbatim_crds::contract::messages::{FAILURE_TEXT, JobProgress, LedgerPhase};
    use verbatim_crds::status::MAX_FAILURES;

    use super::*;

    /// Size of the written message, and the message read back.
    fn written(message: &TerminationMessage) -> (usize, TerminationMessage) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination-log");
        write(&path, message.clone());
        assert!(!path.exists(), "written without a file for it");
        std::fs::write(&path, "").unwrap();
        write(&path, message.clone());
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() <= TERMINATION_MESSAGE_BYTES, "{}", bytes.len());
        (bytes.len(), serde_json::from_slice(&bytes).unwrap())
    }

    /// A message whose numbers have the most digits.
    fn longest(text: &str, report: usize) -> TerminationMessage {
        let most = u64::MAX;
        let failure = FileFailure {
            key: text.repeat(FAILURE_TEXT),
            reason: "UnsupportedAudio".to_owned(),
            message: text.repeat(FAILURE_TEXT),
            attempts: i32::MAX,
        };
        let reasons = FailureReason::ALL.map(|reason| (reason.as_str().to_owned(), most));
        let job = JobProgress {
            phase: LedgerPhase::Complete,
            files: most,
            succeeded: most,
            failed: most,
            skipped: most,
            bytes: most,
            bytes_done: most,
            bytes_skipped: most,
            bytes_under_way: most,
            audio_milliseconds: most,
            shards: most,
            shards_done: most,
            failures_by_reason: reasons.into(),
            failures: vec![failure; MIN_FAILURES],
            report: Some("x".repeat(report)),
        };
        TerminationMessage {
            exit: 0,
            left: ExitReason::Complete,
            cause: None,
            message: None,
            succeeded: most,
            skipped: most,
            failed: most,
            audio_seconds: most,
            job: Some(job),
        }
    }

    #[test]
    fn a_long_text_is_cut_and_the_message_stays_json() {
        let message =
            TerminationMessage { message: Some("\u{1}\"ä".repeat(9_000)), ..TerminationMessage::default() };
        let (bytes, read) = written(&message);
        assert!(bytes > 1_000 && read.message.unwrap().starts_with("\u{1}\"ä"));
    }

    #[test]
    fn the_longest_totals_and_failures_fit_uncut() {
        // Texts of one byte per character; the longest bucket name, and a prefix of 200 characters.
        let longest =
            longest("x", "s3://".len() + 63 + 200 + "/.verbatim/".len() + 64 + "/report.jsonl".len());
        assert_eq!(written(&longest).1, longest);
    }

    #[test]
    fn short_failures_leave_room_for_more() {
        let mut many = longest("x", 300);
        let failures = &mut many.job.as_mut().unwrap().failures;
        failures.resize(MAX_FAILURES, failures[0].clone());
        for (attempts, failure) in (1..).zip(failures) {
            failure.attempts = attempts;
        }
        let kept = written(&many).1.job.unwrap().failures;
        assert!((MIN_FAILURES..MAX_FAILURES).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept, many.job.as_ref().unwrap().failures[MAX_FAILURES - kept.len()..]);
        for failure in &mut many.job.as_mut().unwrap().failures {
            (failure.key, failure.message) = ("in/a.wav".to_owned(), "no audio".to_owned());
        }
        assert_eq!(written(&many).1, many);
    }

    #[test]
    fn a_message_that_does_not_fit_loses_texts_and_no_numbers() {
        // Four bytes per character; then keys of the greatest length that stores accept.
        for (text, report) in [("🦀", 300), ("x", 1_100), ("🦀", 1_100), ("\"", 9_000)] {
            let (whole, (_, mut read)) = (longest(text, report), written(&longest(text, report)));
            let (mut job, kept) = (whole.job.clone().unwrap(), read.job.take().unwrap());
            assert_eq!(kept.report.is_some(), report < 4_000);
            assert!(report > 4_000 || kept.failures.len() == MIN_FAILURES);
            (job.failures, job.report) = (kept.failures.clone(), kept.report.clone());
            assert_eq!(kept, job);
            assert_eq!(read, TerminationMessage { job: None, ..whole });
        }
    }
}
