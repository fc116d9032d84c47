//! What a worker leaves behind: the container's termination message.

use std::path::Path;

use verbatim_crds::contract::TERMINATION_MESSAGE_BYTES;
use verbatim_crds::contract::messages::{
    ExitReason as Left, MIN_FAILURES as FAILURES, TerminationMessage as Farewell,
};
use verbatim_crds::status::FileFailure;
use verbatim_ledger::progress::from_report;
use verbatim_ledger::worker;

use super::job::Done;
use super::wrong::Wrong;
use super::{CommandError, exit};

/// What a worker says that did its work.
pub fn of_done(code: u8, done: &Done) -> Farewell {
    let (left, job) = match &done.left {
        worker::StopReason::Complete(report) => (Left::Complete, Some(from_report(report, &done.ledger))),
        worker::StopReason::NothingToClaim => (Left::NothingToClaim, None),
        worker::StopReason::Drained => (Left::Drained, None),
    };
    Farewell {
        exit: code,
        left,
        cause: None,
        message: None,
        succeeded: done.tally.done as u64,
        skipped: done.tally.skipped as u64,
        failed: done.tally.failures() as u64,
        audio_seconds: done.tally.audio_seconds as u64,
        job,
    }
}

/// What a worker says that could not do its work. One that was stopped before it had any gave back what it had: nothing.
pub fn of_wrong(wrong: &Wrong) -> Farewell {
    let exit = wrong.error.exit_code();
    let drained = matches!(wrong.error, CommandError::Interrupted(_)) && exit == exit::DRAINED;
    Farewell {
        exit,
        left: if drained { Left::Drained } else { Left::Error },
        cause: (!drained).then_some(wrong.cause),
        message: (!drained).then(|| wrong.error.to_string()),
        ..Farewell::default()
    }
}

/// Writes a farewell, where there is a file for it. It is for people and the operator: a worker does not fail for it.
pub fn leave(path: &Path, farewell: Farewell) {
    if !path.exists() {
        return;
    }
    if let Err(error) = std::fs::write(path, fitting(farewell)) {
        tracing::warn!("failed to write the termination message: {error}");
    }
}

/// A farewell as JSON that Kubernetes does not cut: of many failures the last ones go first, then words are shortened, then the
/// other failures are left out. Numbers stay.
fn fitting(mut farewell: Farewell) -> Vec<u8> {
    loop {
        let json = serde_json::to_vec(&farewell).unwrap_or_default();
        if json.len() <= TERMINATION_MESSAGE_BYTES || !shorten(&mut farewell) {
            return json;
        }
    }
}

/// Whether anything was there to be shortened.
fn shorten(farewell: &mut Farewell) -> bool {
    let halve = |text: &mut String| {
        let half = text.chars().count() / 2;
        *text = text.chars().take(half).collect();
    };
    if let Some(message) = farewell.message.as_mut().filter(|message| !message.is_empty()) {
        halve(message);
        return true;
    }
    let Some(job) = &mut farewell.job else { return false };
    if job.failures.len() > FAILURES {
        // The oldest.
        job.failures.remove(0);
        return true;
    }
    let words = |failure: &FileFailure| failure.key.len() + failure.message.len();
    if job.failures.iter().any(|failure| words(failure) > 0) {
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

    fn left(farewell: &Farewell) -> (usize, Farewell) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination-log");
        leave(&path, farewell.clone());
        assert!(!path.exists(), "nobody asked for it");
        std::fs::write(&path, "").unwrap();
        leave(&path, farewell.clone());
        let written = std::fs::read(&path).unwrap();
        assert!(written.len() <= TERMINATION_MESSAGE_BYTES, "{}", written.len());
        (written.len(), serde_json::from_slice(&written).unwrap())
    }

    /// Every number as long as it gets.
    fn longest(text: &str, report: usize) -> Farewell {
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
            failures: vec![failure; FAILURES],
            report: Some("x".repeat(report)),
        };
        Farewell {
            exit: 0,
            left: Left::Complete,
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
    fn a_long_message_is_cut_and_stays_json() {
        let message = Farewell { message: Some("\u{1}\"ä".repeat(9_000)), ..Farewell::default() };
        let (bytes, read) = left(&message);
        assert!(bytes > 1_000 && read.message.unwrap().starts_with("\u{1}\"ä"));
    }

    #[test]
    fn the_longest_sums_and_failures_fit_as_they_are() {
        // Names and words of one byte a character; the longest name of a bucket, and a prefix of 200 characters.
        let longest =
            longest("x", "s3://".len() + 63 + 200 + "/.verbatim/".len() + 64 + "/report.jsonl".len());
        assert_eq!(left(&longest).1, longest);
    }

    #[test]
    fn more_failures_are_there_where_they_are_short() {
        let mut many = longest("x", 300);
        let failures = &mut many.job.as_mut().unwrap().failures;
        failures.resize(MAX_FAILURES, failures[0].clone());
        for (attempts, failure) in (1..).zip(failures) {
            failure.attempts = attempts;
        }
        let kept = left(&many).1.job.unwrap().failures;
        assert!((FAILURES..MAX_FAILURES).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept, many.job.as_ref().unwrap().failures[MAX_FAILURES - kept.len()..]);
        for failure in &mut many.job.as_mut().unwrap().failures {
            (failure.key, failure.message) = ("in/a.wav".to_owned(), "no audio".to_owned());
        }
        assert_eq!(left(&many).1, many);
    }

    #[test]
    fn what_does_not_fit_loses_words_and_no_numbers() {
        // Four bytes a character; then a key as long as stores take it.
        for (text, report) in [("🦀", 300), ("x", 1_100), ("🦀", 1_100), ("\"", 9_000)] {
            let (whole, (_, mut read)) = (longest(text, report), left(&longest(text, report)));
            let (mut job, kept) = (whole.job.clone().unwrap(), read.job.take().unwrap());
            assert_eq!(kept.report.is_some(), report < 4_000);
            assert!(report > 4_000 || kept.failures.len() == FAILURES);
            (job.failures, job.report) = (kept.failures.clone(), kept.report.clone());
            assert_eq!(kept, job);
            assert_eq!(read, Farewell { job: None, ..whole });
        }
    }
}
