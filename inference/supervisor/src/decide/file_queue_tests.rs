//! Tests of the order of files, and of verdicts on suspects.

use std::collections::BTreeSet;

use verbatim_crds::failure_policy::OnOutOfMemory;

use super::*;
use crate::decide::suspects::MAX_UNCOUNTED;
use RecycleReason::{Crash, OutOfMemory, Wedged};
use verbatim_protocol::failure::FailureReason;

const MAX_ATTEMPTS: u32 = 3;

fn queue(files: usize) -> FileQueue {
    let mut queue = FileQueue::new();
    (0..files).for_each(|id| queue.push_back(id));
    queue
}

/// Takes fresh files from the queue and begins them all.
fn begin(queue: &mut FileQueue, files: usize) -> Vec<usize> {
    let mut begun = Vec::new();
    for in_flight in 0..files {
        let NextFile::Fresh(id) = queue.next(in_flight) else { panic!("no fresh file") };
        queue.begun(id);
        begun.push(id);
    }
    begun
}

fn crash(queue: &mut FileQueue, in_flight: &[usize]) -> Vec<SuspectVerdict> {
    queue.lost(in_flight, Crash, MAX_ATTEMPTS, true, None, OutOfMemoryRule::Count)
}

fn suspected(verdicts: &[SuspectVerdict]) -> Vec<usize> {
    let id = |verdict: &SuspectVerdict| match verdict {
        SuspectVerdict::Suspected { id, .. } => Some(*id),
        SuspectVerdict::Failed { .. } => None,
    };
    verdicts.iter().filter_map(id).collect()
}

#[test]
fn files_keep_their_order_and_go_out_once() {
    let mut queue = queue(3);
    queue.push_back(1);
    assert_eq!(begin(&mut queue, 3), [0, 1, 2]);
    queue.push_back(1);
    assert_eq!(queue.next(3), NextFile::Empty);
    for id in 0..3 {
        queue.done(id);
        queue.done(id);
    }
    assert_eq!((queue.remaining(), queue.waiting(), queue.next(0)), (0, 0, NextFile::Empty));
}

#[test]
fn files_that_were_begun_run_again_alone_and_the_others_as_before() {
    let mut queue = queue(5);
    begin(&mut queue, 2);
    assert_eq!((queue.next(2), queue.next(3)), (NextFile::Fresh(2), NextFile::Fresh(3)));
    let verdicts = crash(&mut queue, &[0, 1, 2, 3]);
    assert_eq!(suspected(&verdicts), [0, 1]);
    assert_eq!(
        verdicts[0],
        SuspectVerdict::Suspected {
            id: 0,
            reason: Crash,
            why: "begun, with others, when an engine was lost (Crash)".to_owned()
        }
    );
    // A draining engine still has a file in flight: the suspect waits for an engine of its own.
    assert_eq!(queue.next(1), NextFile::Wait);
    assert_eq!(queue.next(0), NextFile::Alone(0));
    assert_eq!((queue.next(1), queue.next(0)), (NextFile::Wait, NextFile::Wait));
    assert_eq!(queue.begun(0), 2);
    queue.done(0);
    assert_eq!(queue.next(0), NextFile::Alone(1));
    queue.done(1);
    assert_eq!(
        [queue.next(0), queue.next(1), queue.next(2)],
        [NextFile::Fresh(2), NextFile::Fresh(3), NextFile::Fresh(4)]
    );
    assert_eq!((queue.losses(2), queue.attempts(2)), (0, 0));
}

#[test]
fn a_file_that_crashes_engines_alone_fails_and_the_others_are_cleared() {
    let mut queue = queue(4);
    begin(&mut queue, 3);
    assert_eq!(suspected(&crash(&mut queue, &[0, 1, 2])), [0, 1, 2]);
    let (mut done, mut failed) = (BTreeSet::new(), Vec::new());
    loop {
        match queue.next(0) {
            NextFile::Alone(1) => {
                queue.begun(1);
                failed.extend(crash(&mut queue, &[1]));
            }
            NextFile::Alone(id) | NextFile::Fresh(id) => {
                queue.begun(id);
                queue.done(id);
                done.insert(id);
            }
            NextFile::Wait => panic!("nothing is in flight"),
            NextFile::Empty => break,
        }
    }
    assert_eq!(done, BTreeSet::from([0, 2, 3]));
    assert_eq!(suspected(&failed), [1, 1]);
    assert_eq!(
        failed[2],
        SuspectVerdict::Failed {
            id: 1,
            attempts: 4,
            losses: 3,
            reason: FailureReason::EngineCrashed,
            why: "alone when an engine was lost (Crash), 3 of 3 times".to_owned()
        }
    );
    assert_eq!(queue.remaining(), 0);
}

#[test]
fn a_fresh_file_that_was_the_only_one_begun_is_charged() {
    let mut queue = queue(2);
    begin(&mut queue, 1);
    assert_eq!(queue.next(1), NextFile::Fresh(1));
    crash(&mut queue, &[0, 1]);
    assert_eq!((queue.losses(0), queue.losses(1)), (1, 0));
    // A suspect that was not begun remains a suspect, without a charge.
    assert_eq!(queue.next(0), NextFile::Alone(0));
    assert_eq!(crash(&mut queue, &[0]), []);
    assert_eq!((queue.losses(0), queue.next(0)), (1, NextFile::Alone(0)));
}

#[test]
fn a_known_hung_file_is_the_only_suspect() {
    let mut queue = queue(4);
    begin(&mut queue, 3);
    let verdicts = queue.lost(&[0, 1, 2], Wedged, MAX_ATTEMPTS, true, Some(1), OutOfMemoryRule::Count);
    assert_eq!((suspected(&verdicts), queue.losses(1)), (vec![1], 0));
    assert_eq!(queue.next(0), NextFile::Alone(1));
    queue.begun(1);
    queue.lost(&[1], Wedged, MAX_ATTEMPTS, true, Some(1), OutOfMemoryRule::Count);
    assert_eq!(queue.losses(1), 1);
    let NextFile::Alone(1) = queue.next(0) else { panic!("a suspect is waiting") };
    queue.begun(1);
    let verdicts = queue.lost(&[1], Wedged, 2, true, None, OutOfMemoryRule::Count);
    assert!(matches!(verdicts[..], [SuspectVerdict::Failed { id: 1, reason: FailureReason::Wedged, .. }]));
    assert_eq!(
        [queue.next(0), queue.next(1), queue.next(2)],
        [NextFile::Fresh(0), NextFile::Fresh(2), NextFile::Fresh(3)]
    );
}

#[test]
fn an_uncharged_loss_makes_no_suspects() {
    let mut queue = queue(3);
    begin(&mut queue, 2);
    assert_eq!(queue.lost(&[0, 1], Crash, 1, false, None, OutOfMemoryRule::Count), []);
    assert_eq!(begin(&mut queue, 3), [0, 1, 2]);
    assert_eq!((queue.attempts(0), queue.losses(0)), (2, 0));
}

#[test]
fn out_of_memory_counts_only_with_the_minimum_budget() {
    assert_eq!(OutOfMemoryRule::of(OnOutOfMemory::Fail, true), OutOfMemoryRule::Fail);
    let rule = |least| OutOfMemoryRule::of(OnOutOfMemory::ShrinkAndRetry, least);
    let mut queue = queue(1);
    begin(&mut queue, 1);
    for (least, losses) in [(false, 0), (false, 0), (true, 1), (true, 2)] {
        let verdicts = queue.lost(&[0], OutOfMemory, MAX_ATTEMPTS, true, None, rule(least));
        assert_eq!((suspected(&verdicts), queue.losses(0)), (vec![0], losses));
        assert_eq!(queue.next(0), NextFile::Alone(0));
        queue.begun(0);
    }
    let verdicts = queue.lost(&[0], OutOfMemory, MAX_ATTEMPTS, true, None, rule(true));
    assert!(matches!(
        verdicts[..],
        [SuspectVerdict::Failed { reason: FailureReason::OutOfMemory, losses: 3, .. }]
    ));
}

#[test]
fn attempts_end_although_the_budget_grows_back() {
    let mut queue = queue(1);
    let mut begun = 0;
    while let NextFile::Fresh(id) | NextFile::Alone(id) = queue.next(0) {
        queue.begun(id);
        begun += 1;
        queue.lost(&[id], OutOfMemory, MAX_ATTEMPTS, true, None, OutOfMemoryRule::Shrink);
    }
    assert_eq!(begun, MAX_UNCOUNTED + MAX_ATTEMPTS);
}

#[test]
fn files_fail_at_once_by_policy() {
    let mut queue = queue(3);
    begin(&mut queue, 2);
    assert_eq!(queue.next(2), NextFile::Fresh(2));
    let verdicts = queue.lost(&[0, 1, 2], OutOfMemory, MAX_ATTEMPTS, true, None, OutOfMemoryRule::Fail);
    let failed =
        |verdict: &SuspectVerdict| matches!(verdict, SuspectVerdict::Failed { attempts: 1, losses: 0, .. });
    assert!(verdicts.len() == 2 && verdicts.iter().all(failed), "{verdicts:?}");
    assert_eq!((queue.remaining(), queue.next(0)), (1, NextFile::Fresh(2)));
}

#[test]
fn answers_for_files_not_in_flight_are_ignored() {
    let mut queue = queue(2);
    queue.done(0);
    assert_eq!((queue.begun(0), queue.begun(9)), (0, 0));
    assert_eq!(crash(&mut queue, &[0, 1, 9, 9]), []);
    assert_eq!((queue.remaining(), begin(&mut queue, 2)), (2, vec![0, 1]));
}
