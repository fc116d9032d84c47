//! The status over several reconciles.

use serde_json::json;
use verbatim_crds::TranscriptionJob;
use verbatim_crds::conditions::{reasons, types};
use verbatim_crds::status::RecycleCounts;

use super::*;
use crate::decide::{Decision, Outcome};
use crate::observe::observation::Observation;

fn job(status: serde_json::Value) -> TranscriptionJob {
    serde_json::from_value(json!({
        "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob",
        "metadata": {"name": "calls", "namespace": "a", "uid": "u", "generation": 3},
        "spec": {"source": {"s3": {"bucket": "calls"}}, "destination": {"s3": {"bucket": "transcripts"}}},
        "status": status,
    }))
    .unwrap()
}

fn reconcile(
    job: &TranscriptionJob,
    progress: Option<&JobProgress>,
    decision: &Decision,
    second: i64,
) -> TranscriptionJobStatus {
    let seen = Observation::default();
    let now = Timestamp::from_second(second).unwrap();
    let recycles = RecycleCounts::default();
    status(&StatusInput {
        job,
        invalid: None,
        seen: &seen,
        decision,
        progress,
        recycles,
        restarted: false,
        now,
    })
}

#[test]
fn an_unchanged_observation_changes_nothing() {
    let mut job = job(json!({}));
    let progress =
        JobProgress { phase: LedgerPhase::Running, files: 9, succeeded: 4, ..JobProgress::default() };
    let first = reconcile(&job, Some(&progress), &Decision::default(), 100);
    let kinds: Vec<&str> = first.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(kinds, types::ALL);
    assert!(first.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
    assert_eq!((first.progress.as_deref(), first.phase), (Some("4/9"), Some(Phase::Running)));
    job.status = Some(first.clone());
    assert_eq!(reconcile(&job, Some(&progress), &Decision::default(), 200), first);
}

#[test]
fn transition_times_follow_statuses_and_counts_never_decrease() {
    let mut job = job(json!({}));
    let ahead = JobProgress { phase: LedgerPhase::Running, files: 9, succeeded: 8, ..JobProgress::default() };
    job.status = Some(reconcile(&job, Some(&ahead), &Decision::default(), 100));
    let behind = JobProgress { succeeded: 5, ..ahead.clone() };
    let after = reconcile(&job, Some(&behind), &Decision::default(), 200);
    assert_eq!(after.files.unwrap().succeeded, 8);
    let end = Outcome::Ended(Ended::Complete { message: "9 files".into(), grace_over: false });
    let decision = Decision { outcome: end, ..Decision::default() };
    let all =
        JobProgress { phase: LedgerPhase::Complete, succeeded: 9, report: Some("s3://t/r".into()), ..ahead };
    let after = reconcile(&job, Some(&all), &decision, 300);
    let time = |kind: &str| {
        after.conditions.iter().find(|one| one.type_ == kind).unwrap().last_transition_time.0.as_second()
    };
    assert_eq!((time("Complete"), time("Failed")), (300, 100));
    assert_eq!((after.phase, after.report_ref.as_deref()), (Some(Phase::Complete), Some("s3://t/r")));
    assert_eq!(after.completion_time.unwrap().0.as_second(), 300);
}

/// A refused action did not happen: the status neither claims it nor ignores the refusal.
#[test]
fn a_refusal_stalls_the_job_and_ends_nothing() {
    let stalled = |decision: &Decision| {
        let after = reconcile(&job(json!({})), None, decision, 100);
        let stalled = after.conditions.into_iter().find(|one| one.type_ == types::STALLED).unwrap();
        (stalled.reason, stalled.message, after.phase.unwrap(), after.start_time, after.round)
    };
    let create = Action::Create { round: 0, workers: 1 };
    let mut decision = Decision { action: create.clone(), wanted: 1, ..Decision::default() };
    let (.., started, round) = stalled(&decision);
    assert!(started.is_some() && round == Some(0));
    let message = || "a request above its limit".to_owned();
    decision.cancel(reasons::REFUSED, message());
    assert_eq!(stalled(&decision), ("Refused".into(), message(), Phase::Pending, None, None));
    // Also between two Jobs, while the first one's cause, an unavailable store, is still reported.
    let at = Timestamp::from_second(90).unwrap();
    let reason = reasons::STORAGE_UNAVAILABLE;
    let outcome = Outcome::Retry { at, reason, message: "no bucket".to_owned() };
    let mut decision = Decision { outcome, action: create, ..Decision::default() };
    decision.cancel(reasons::REFUSED, message());
    assert_eq!(stalled(&decision).0, "Refused");
    // An end is final.
    let end = Outcome::Ended(Ended::Complete { message: "9 files".into(), grace_over: true });
    let mut decision = Decision { outcome: end, ..Decision::default() };
    decision.cancel(reasons::REFUSED, message());
    assert_eq!((stalled(&decision).0.as_str(), stalled(&decision).2), ("AsExpected", Phase::Complete));
}

#[test]
fn figures_have_three_digits() {
    for (value, text) in [(0.0041234, "0.00412"), (1234.5, "1234"), (12.345, "12.3"), (0.0, "0")] {
        assert_eq!(significant(value), text);
    }
}
