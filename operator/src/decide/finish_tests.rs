//! Ends of jobs, and rounds that follow.

use serde_json::json;
use verbatim_crds::failure_policy::FailurePolicy;

use super::*;
use crate::observe::pods::Worker;
use crate::observe::rounds::JobEnd;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn round(number: i32, ended: Option<(i64, bool)>) -> Round {
    let ended = ended.map(|(second, failed)| JobEnd {
        at: at(second),
        failed,
        reason: String::new(),
        message: String::new(),
    });
    Round { number, name: format!("calls-{number}"), ended, ..Round::default() }
}

fn ended(round: i32, exit: i32, message: Option<TerminationMessage>) -> Worker {
    Worker {
        name: "calls".into(),
        uid: "u".into(),
        round,
        index: Some(0),
        address: None,
        created: None,
        terminating: false,
        state: WorkerState::Ended { exit: Some(exit), reason: None, message: message.map(Box::new) },
    }
}

fn failed_with(cause: Cause) -> TerminationMessage {
    TerminationMessage {
        exit: 78,
        cause: Some(cause),
        message: Some("words".into()),
        ..TerminationMessage::default()
    }
}

fn decide(seen: &Observation, progress: Option<&JobProgress>, now: i64) -> Outcome {
    finish(&TranscriptionJobSpec::default(), &TranscriptionJobStatus::default(), seen, progress, at(now))
}

#[test]
fn job_ends_only_with_its_report() {
    let seen = Observation { rounds: vec![round(0, None)], ..Observation::default() };
    assert_eq!(decide(&seen, None, 0), Outcome::Continue);
    let all = JobProgress { phase: LedgerPhase::Running, files: 3, succeeded: 3, ..JobProgress::default() };
    // The report is not written yet.
    assert_eq!(decide(&seen, Some(&all), 0), Outcome::Continue);
    let all = JobProgress { phase: LedgerPhase::Complete, ..all };
    assert!(matches!(decide(&seen, Some(&all), 0), Outcome::Ended(Ended::Complete { .. })));
    // A Job that ended well without a report is retried soon: its last message may arrive a moment later.
    let seen = Observation { rounds: vec![round(0, Some((100, false)))], ..Observation::default() };
    assert_eq!(decide(&seen, None, 104), Outcome::Continue);
    assert!(matches!(decide(&seen, None, 105), Outcome::Retry { at: when, .. } if when == at(105)));
}

#[test]
fn rounds_follow_with_growing_delays_and_end() {
    let mut seen = Observation::default();
    for (number, pause) in [10, 20, 40, 80, 160].into_iter().enumerate() {
        let number = i32::try_from(number).unwrap();
        seen.rounds.push(round(number, Some((1000, true))));
        seen.workers.push(ended(number, 78, Some(failed_with(Cause::StorageUnavailable))));
        let Outcome::Retry { at: when, reason, message } = decide(&seen, None, 1000) else { panic!() };
        assert_eq!(
            (when, reason, message.as_str()),
            (at(1000 + pause), reasons::STORAGE_UNAVAILABLE, "words")
        );
    }
    seen.rounds.push(round(5, Some((1000, true))));
    seen.workers.push(ended(5, 78, Some(failed_with(Cause::StorageUnavailable))));
    let Outcome::Ended(Ended::Failed { reason, message }) = decide(&seen, None, 1000) else { panic!() };
    assert_eq!((reason, message.as_str()), (reasons::STORAGE_UNAVAILABLE, "6 consecutive Jobs: words"));
}

#[test]
fn permanent_causes_are_not_retried() {
    for (cause, reason) in [
        (Cause::ConditionalWritesUnsupported, reasons::CONDITIONAL_WRITES_UNSUPPORTED),
        (Cause::InvalidSpec, reasons::INVALID_SPEC),
    ] {
        let seen = Observation {
            rounds: vec![round(0, Some((0, true)))],
            workers: vec![ended(0, 137, None), ended(0, 78, Some(failed_with(cause)))],
            ..Observation::default()
        };
        assert_eq!(decide(&seen, None, 0), Outcome::Ended(Ended::Failed { reason, message: "words".into() }));
    }
}

#[test]
fn failures_and_deadlines_end_a_job_for_good() {
    let seen = Observation { rounds: vec![round(0, None)], ..Observation::default() };
    let progress =
        JobProgress { phase: LedgerPhase::Running, files: 100, failed: 6, ..JobProgress::default() };
    let Outcome::Ended(Ended::Failed { reason, message }) = decide(&seen, Some(&progress), 0) else {
        panic!()
    };
    assert_eq!(reason, reasons::TOO_MANY_FAILED_FILES);
    assert!(message.starts_with("6 of 100 files failed, more than the 5"), "{message}");
    let fewer = JobProgress { failed: 5, ..progress };
    assert_eq!(decide(&seen, Some(&fewer), 0), Outcome::Continue);

    let spec = TranscriptionJobSpec {
        active_deadline_seconds: Some(60),
        failure_policy: FailurePolicy::default(),
        ..TranscriptionJobSpec::default()
    };
    let mut before: TranscriptionJobStatus =
        serde_json::from_value(json!({"startTime": "1970-01-01T00:00:10Z"})).unwrap();
    assert_eq!(finish(&spec, &before, &seen, None, at(69)), Outcome::Continue);
    let late = finish(&spec, &before, &seen, None, at(70));
    assert!(matches!(late, Outcome::Ended(Ended::Failed { reason: reasons::DEADLINE_EXCEEDED, .. })));
    // The deadline does not apply to a suspended job.
    let waits = TranscriptionJobSpec { suspend: true, ..spec.clone() };
    assert_eq!(finish(&waits, &before, &seen, None, at(70)), Outcome::Continue);

    before.conditions = serde_json::from_value(json!([{
        "type": "Complete", "status": "True", "reason": "AllFilesDone", "message": "all", "lastTransitionTime": "1970-01-01T00:00:20Z",
    }]))
    .unwrap();
    before.completion_time = serde_json::from_value(json!("1970-01-01T00:00:20Z")).unwrap();
    let over = |grace_over| Outcome::Ended(Ended::Complete { message: "all".into(), grace_over });
    assert_eq!(finish(&spec, &before, &seen, Some(&fewer), at(79)), over(false));
    assert_eq!(finish(&spec, &before, &seen, Some(&fewer), at(80)), over(true));
}
