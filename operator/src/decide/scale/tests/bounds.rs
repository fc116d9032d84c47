//! What the user says is followed at once.

use super::*;

#[test]
fn before_the_plan_the_fewest_run() {
    let mut fixture = Fixture::new(100.0, None);
    let plan = fixture.job.take();
    let first = fixture.decide();
    assert_eq!((first.workers, first.why), (1, Why::Starting));
    assert_eq!(first.words, "1 worker: one of them makes the plan");
    fixture.pass(0.01);
    let waits = fixture.decide();
    assert_eq!((waits.workers, waits.why), (1, Why::NoPlan));
    fixture.job = plan;
    let planned = fixture.decide();
    assert_eq!((planned.workers, planned.why), (100, Why::NoTarget));
}

#[test]
fn the_ledger_out_of_reach_changes_nothing() {
    let mut fixture = Fixture::new(100.0, None);
    fixture.run(100.0, 0.01);
    fixture.job = None;
    assert_eq!(fixture.run(1000.0, 0.01), [100]);
}

#[test]
fn without_a_target_one_for_each_open_shard() {
    let mut fixture = Fixture::new(100.0, None);
    fixture.job.as_mut().unwrap().shards = 7;
    fixture.desired = 1;
    let few = fixture.decide();
    assert_eq!((few.workers, few.why), (7, Why::NoTarget));
}

#[test]
fn new_bounds_hold_at_once() {
    let mut fixture = Fixture::new(1000.0, Some(10_000));
    fixture.run(2000.0, 0.02);
    let before = fixture.desired;
    fixture.scaling.max_workers = before / 2;
    let lower = fixture.decide();
    assert_eq!((lower.workers, lower.why), (before / 2, Why::AboveMaximum));
    fixture.scaling.max_workers = 100;
    fixture.scaling.min_workers = 50;
    let higher = fixture.decide();
    assert_eq!((higher.workers, higher.why), (50, Why::BelowMinimum));
    // minWorkers are the user's word, even where there are fewer shards and no nodes.
    fixture.unschedulable = 3;
    fixture.scaling.min_workers = 60;
    assert_eq!(fixture.decide().workers, 60);
}

#[test]
fn no_more_are_asked_for_while_some_find_no_node() {
    let mut fixture = Fixture::new(1000.0, None);
    (fixture.desired, fixture.unschedulable) = (20, 1);
    let full = fixture.decide();
    assert_eq!((full.workers, full.why), (20, Why::NoRoom));
    assert_eq!(full.words, "still 20 workers: more are wanted, but pods find no node: 1");
    fixture.unschedulable = 0;
    assert_eq!(fixture.decide().workers, 100);
}

#[test]
fn a_target_that_has_passed_takes_all() {
    let mut fixture = Fixture::new(1000.0, Some(600));
    (fixture.desired, fixture.at) = (3, 601.0);
    let late = fixture.decide();
    assert_eq!((late.workers, late.why), (100, Why::TargetPassed));
}

#[test]
fn a_target_beyond_the_deadline_is_the_deadline() {
    let fixture = Fixture::new(1000.0, Some(600));
    let observation = |deadline| Observation {
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
    assert_eq!(need::target(&observation(None)), Some(600.0));
    assert_eq!(need::target(&observation(Some(Duration::from_secs(60)))), Some(60.0));
}
