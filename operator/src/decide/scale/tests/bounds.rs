//! The user's bounds take effect at once.

use super::*;

#[test]
fn before_the_plan_the_minimum_runs() {
    let mut fixture = Fixture::new(100.0, None);
    let plan = fixture.job.take();
    let first = fixture.decide();
    assert_eq!((first.workers, first.reason), (1, ScalingReason::Starting));
    assert_eq!(first.message, "1 worker: one of them makes the plan");
    fixture.pass(0.01);
    let waits = fixture.decide();
    assert_eq!((waits.workers, waits.reason), (1, ScalingReason::NoPlan));
    fixture.job = plan;
    let planned = fixture.decide();
    assert_eq!((planned.workers, planned.reason), (100, ScalingReason::NoTarget));
}

#[test]
fn an_unreachable_ledger_changes_nothing() {
    let mut fixture = Fixture::new(100.0, None);
    fixture.run(100.0, 0.01);
    fixture.job = None;
    assert_eq!(fixture.run(1000.0, 0.01), [100]);
}

#[test]
fn without_a_target_one_worker_per_open_shard() {
    let mut fixture = Fixture::new(100.0, None);
    fixture.job.as_mut().unwrap().shards = 7;
    fixture.desired = 1;
    let few = fixture.decide();
    assert_eq!((few.workers, few.reason), (7, ScalingReason::NoTarget));
}

#[test]
fn new_bounds_hold_at_once() {
    let mut fixture = Fixture::new(1000.0, Some(10_000));
    fixture.run(2000.0, 0.02);
    let before = fixture.desired;
    fixture.scaling.max_workers = before / 2;
    let lower = fixture.decide();
    assert_eq!((lower.workers, lower.reason), (before / 2, ScalingReason::AboveMaximum));
    fixture.scaling.max_workers = 100;
    fixture.scaling.min_workers = 50;
    let higher = fixture.decide();
    assert_eq!((higher.workers, higher.reason), (50, ScalingReason::BelowMinimum));
    // minWorkers holds even with fewer shards and without nodes.
    fixture.unschedulable = 3;
    fixture.scaling.min_workers = 60;
    assert_eq!(fixture.decide().workers, 60);
}

#[test]
fn no_increase_while_pods_are_unschedulable() {
    let mut fixture = Fixture::new(1000.0, None);
    (fixture.desired, fixture.unschedulable) = (20, 1);
    let full = fixture.decide();
    assert_eq!((full.workers, full.reason), (20, ScalingReason::NoRoom));
    assert_eq!(full.message, "still 20 workers: more are needed, but 1 pod cannot be scheduled");
    fixture.unschedulable = 0;
    assert_eq!(fixture.decide().workers, 100);
}

#[test]
fn a_passed_target_leads_to_all_workers() {
    let mut fixture = Fixture::new(1000.0, Some(600));
    (fixture.desired, fixture.at) = (3, 601.0);
    let late = fixture.decide();
    assert_eq!((late.workers, late.reason), (100, ScalingReason::TargetPassed));
}

#[test]
fn a_target_beyond_the_deadline_is_cut() {
    let fixture = Fixture::new(1000.0, Some(600));
    let observation = |deadline| ScalingInput {
        now: Duration::ZERO,
        elapsed: Duration::ZERO,
        desired: 0,
        settled: true,
        workers: &[],
        job: None,
        unschedulable: 0,
        scaling: &fixture.scaling,
        deadline,
    };
    assert_eq!(demand::target(&observation(None)), Some(600.0));
    assert_eq!(demand::target(&observation(Some(Duration::from_secs(60)))), Some(60.0));
}
