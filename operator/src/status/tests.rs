//! The status, from look to look.

use serde_json::json;
use verbatim_crds::conditions::types;

use super::*;

fn job(status: serde_json::Value) -> TranscriptionJob {
    serde_json::from_value(json!({
        "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob",
        "metadata": {"name": "calls", "namespace": "a", "uid": "u", "generation": 3},
        "spec": {"source": {"s3": {"bucket": "calls"}}, "destination": {"s3": {"bucket": "transcripts"}}},
        "status": status,
    }))
    .unwrap()
}

fn look(
    job: &TranscriptionJob,
    progress: Option<&JobProgress>,
    decision: &Decision,
    second: i64,
) -> TranscriptionJobStatus {
    let seen = Observation::default();
    let now = Timestamp::from_second(second).unwrap();
    let recycles = RecycleCounts::default();
    status(&View { job, invalid: None, seen: &seen, decision, progress, recycles, restarted: false, now })
}

#[test]
fn a_second_look_at_the_same_changes_nothing() {
    let mut job = job(json!({}));
    let progress =
        JobProgress { phase: LedgerPhase::Running, files: 9, succeeded: 4, ..JobProgress::default() };
    let first = look(&job, Some(&progress), &Decision::default(), 100);
    let kinds: Vec<&str> = first.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(kinds, types::ALL);
    assert!(first.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
    assert_eq!((first.progress.as_deref(), first.phase), (Some("4/9"), Some(Phase::Running)));
    job.status = Some(first.clone());
    assert_eq!(look(&job, Some(&progress), &Decision::default(), 200), first);
}

#[test]
fn times_change_with_their_statuses_and_counts_never_go_back() {
    let mut job = job(json!({}));
    let ahead = JobProgress { phase: LedgerPhase::Running, files: 9, succeeded: 8, ..JobProgress::default() };
    job.status = Some(look(&job, Some(&ahead), &Decision::default(), 100));
    let behind = JobProgress { succeeded: 5, ..ahead.clone() };
    let after = look(&job, Some(&behind), &Decision::default(), 200);
    assert_eq!(after.files.unwrap().succeeded, 8);
    let over = Finish::Over(Over::Complete { message: "9 files".into(), idle: false });
    let decision = Decision { finish: over, ..Decision::default() };
    let all =
        JobProgress { phase: LedgerPhase::Complete, succeeded: 9, report: Some("s3://t/r".into()), ..ahead };
    let after = look(&job, Some(&all), &decision, 300);
    let time = |kind: &str| {
        after.conditions.iter().find(|one| one.type_ == kind).unwrap().last_transition_time.0.as_second()
    };
    assert_eq!((time("Complete"), time("Failed")), (300, 100));
    assert_eq!((after.phase, after.report_ref.as_deref()), (Some(Phase::Complete), Some("s3://t/r")));
    assert_eq!(after.completion_time.unwrap().0.as_second(), 300);
}

/// What is refused was not done: the status neither says that it was, nor goes on as if nothing were.
#[test]
fn a_refusal_is_what_hinders_and_ends_nothing() {
    let stalled = |decision: &Decision| {
        let after = look(&job(json!({})), None, decision, 100);
        let stalled = after.conditions.into_iter().find(|one| one.type_ == types::STALLED).unwrap();
        (stalled.reason, stalled.message, after.phase.unwrap(), after.start_time, after.round)
    };
    let create = Action::Create { round: 0, workers: 1 };
    let mut decision = Decision { action: create.clone(), wanted: 1, ..Decision::default() };
    let (.., started, round) = stalled(&decision);
    assert!(started.is_some() && round == Some(0));
    let words = || "a request above its limit".to_owned();
    decision.refused(words());
    assert_eq!(stalled(&decision), ("Refused".into(), words(), Phase::Pending, None, None));
    // Also between two Jobs, when the store that ended the first one is still known to be away.
    let (at, message) = (Timestamp::from_second(90).unwrap(), "no bucket".to_owned());
    let finish = Finish::Retry { at, reason: "StorageUnavailable", message };
    let mut decision = Decision { finish, action: create, ..Decision::default() };
    decision.refused(words());
    assert_eq!(stalled(&decision).0, "Refused");
    // The end stays the end.
    let over = Finish::Over(Over::Complete { message: "9 files".into(), idle: true });
    let mut decision = Decision { finish: over, ..Decision::default() };
    decision.refused(words());
    assert_eq!((stalled(&decision).0.as_str(), stalled(&decision).2), ("AsExpected", Phase::Complete));
}

#[test]
fn figures_have_three_digits() {
    for (value, text) in [(0.0041234, "0.00412"), (1234.5, "1234"), (12.345, "12.3"), (0.0, "0")] {
        assert_eq!(significant(value), text);
    }
}
