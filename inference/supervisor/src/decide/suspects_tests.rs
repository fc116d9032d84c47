//! Tests of [`super`].

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use RecycleReason::{Crash, OutOfMemory, Wedged};

const MOST: u32 = 3;

fn queue(files: usize) -> Queue {
    let mut queue = Queue::new();
    (0..files).for_each(|id| queue.push_back(id));
    queue
}

/// Hands out so many files and begins them all.
fn begin(queue: &mut Queue, files: usize) -> Vec<usize> {
    let mut begun = Vec::new();
    for in_flight in 0..files {
        let Next::Fresh(id) = queue.next(in_flight) else { panic!("no fresh file") };
        queue.begun(id);
        begun.push(id);
    }
    begun
}

fn crash(queue: &mut Queue, in_flight: &[usize]) -> Vec<Verdict> {
    queue.lost(in_flight, Crash, MOST, true, None, OutOfMemoryRule::Count)
}

fn suspected(verdicts: &[Verdict]) -> Vec<usize> {
    let id = |verdict: &Verdict| match verdict {
        Verdict::Suspected { id, .. } => Some(*id),
        Verdict::Failed { .. } => None,
    };
    verdicts.iter().filter_map(id).collect()
}

#[test]
fn files_go_in_their_order_and_none_twice() {
    let mut queue = queue(3);
    queue.push_back(1);
    assert_eq!(begin(&mut queue, 3), [0, 1, 2]);
    queue.push_back(1);
    assert_eq!(queue.next(3), Next::Empty);
    for id in 0..3 {
        queue.done(id);
        queue.done(id);
    }
    assert_eq!((queue.remaining(), queue.waiting(), queue.next(0)), (0, 0, Next::Empty));
}

#[test]
fn files_that_were_begun_run_again_alone_and_the_others_as_before() {
    let mut queue = queue(5);
    begin(&mut queue, 2);
    assert_eq!((queue.next(2), queue.next(3)), (Next::Fresh(2), Next::Fresh(3)));
    let verdicts = crash(&mut queue, &[0, 1, 2, 3]);
    assert_eq!(suspected(&verdicts), [0, 1]);
    assert_eq!(
        verdicts[0],
        Verdict::Suspected {
            id: 0,
            reason: Crash,
            why: "it was begun, with others, when an engine was lost (Crash)".to_owned()
        }
    );
    // A file of the engine that drains beside is in flight there: the suspect waits for an engine of its own.
    assert_eq!(queue.next(1), Next::Wait);
    assert_eq!(queue.next(0), Next::Alone(0));
    assert_eq!((queue.next(1), queue.next(0)), (Next::Wait, Next::Wait));
    assert_eq!(queue.begun(0), 2);
    queue.done(0);
    assert_eq!(queue.next(0), Next::Alone(1));
    queue.done(1);
    assert_eq!(
        [queue.next(0), queue.next(1), queue.next(2)],
        [Next::Fresh(2), Next::Fresh(3), Next::Fresh(4)]
    );
    assert_eq!((queue.losses(2), queue.attempts(2)), (0, 0));
}

#[test]
fn a_file_that_crashes_engines_alone_fails_and_the_others_are_cleared() {
    let mut queue = queue(4);
    begin(&mut queue, 3);
    assert_eq!(suspected(&crash(&mut queue, &[0, 1, 2])), [0, 1, 2]);
    let (mut ended, mut failed) = (BTreeSet::new(), Vec::new());
    loop {
        match queue.next(0) {
            Next::Alone(1) => {
                queue.begun(1);
                failed.extend(crash(&mut queue, &[1]));
            }
            Next::Alone(id) | Next::Fresh(id) => {
                queue.begun(id);
                queue.done(id);
                ended.insert(id);
            }
            Next::Wait => panic!("nothing is in flight"),
            Next::Empty => break,
        }
    }
    assert_eq!(ended, BTreeSet::from([0, 2, 3]));
    assert_eq!(suspected(&failed), [1, 1]);
    assert_eq!(
        failed[2],
        Verdict::Failed {
            id: 1,
            attempts: 4,
            losses: 3,
            reason: FailureReason::EngineCrashed,
            why: "it was alone when an engine was lost (Crash), 3 of 3 times".to_owned()
        }
    );
    assert_eq!(queue.remaining(), 0);
}

#[test]
fn a_fresh_file_that_was_the_only_one_begun_is_charged() {
    let mut queue = queue(2);
    begin(&mut queue, 1);
    assert_eq!(queue.next(1), Next::Fresh(1));
    crash(&mut queue, &[0, 1]);
    assert_eq!((queue.losses(0), queue.losses(1)), (1, 0));
    // A suspect that was not begun stays one, without a charge.
    assert_eq!(queue.next(0), Next::Alone(0));
    assert_eq!(crash(&mut queue, &[0]), []);
    assert_eq!((queue.losses(0), queue.next(0)), (1, Next::Alone(0)));
}

#[test]
fn only_the_file_that_hung_is_a_suspect_where_it_is_known() {
    let mut queue = queue(4);
    begin(&mut queue, 3);
    let verdicts = queue.lost(&[0, 1, 2], Wedged, MOST, true, Some(1), OutOfMemoryRule::Count);
    assert_eq!((suspected(&verdicts), queue.losses(1)), (vec![1], 0));
    assert_eq!(queue.next(0), Next::Alone(1));
    queue.begun(1);
    queue.lost(&[1], Wedged, MOST, true, Some(1), OutOfMemoryRule::Count);
    assert_eq!(queue.losses(1), 1);
    let Next::Alone(1) = queue.next(0) else { panic!("a suspect is waiting") };
    queue.begun(1);
    let verdicts = queue.lost(&[1], Wedged, 2, true, None, OutOfMemoryRule::Count);
    assert!(matches!(verdicts[..], [Verdict::Failed { id: 1, reason: FailureReason::Wedged, .. }]));
    assert_eq!(
        [queue.next(0), queue.next(1), queue.next(2)],
        [Next::Fresh(0), Next::Fresh(2), Next::Fresh(3)]
    );
}

#[test]
fn a_loss_that_is_nobodys_fault_marks_nobody() {
    let mut queue = queue(3);
    begin(&mut queue, 2);
    assert_eq!(queue.lost(&[0, 1], Crash, 1, false, None, OutOfMemoryRule::Count), []);
    assert_eq!(begin(&mut queue, 3), [0, 1, 2]);
    assert_eq!((queue.attempts(0), queue.losses(0)), (2, 0));
}

#[test]
fn memory_that_ran_out_counts_with_the_least_budget_only() {
    assert_eq!(OutOfMemoryRule::of(OnOutOfMemory::Fail, true), OutOfMemoryRule::Fail);
    let rule = |least| OutOfMemoryRule::of(OnOutOfMemory::ShrinkAndRetry, least);
    let mut queue = queue(1);
    begin(&mut queue, 1);
    for (least, losses) in [(false, 0), (false, 0), (true, 1), (true, 2)] {
        let verdicts = queue.lost(&[0], OutOfMemory, MOST, true, None, rule(least));
        assert_eq!((suspected(&verdicts), queue.losses(0)), (vec![0], losses));
        assert_eq!(queue.next(0), Next::Alone(0));
        queue.begun(0);
    }
    let verdicts = queue.lost(&[0], OutOfMemory, MOST, true, None, rule(true));
    assert!(matches!(verdicts[..], [Verdict::Failed { reason: FailureReason::OutOfMemory, losses: 3, .. }]));
}

#[test]
fn a_file_is_not_tried_for_ever_because_its_budget_grows_back() {
    let mut queue = queue(1);
    let mut begun = 0;
    while let Next::Fresh(id) | Next::Alone(id) = queue.next(0) {
        queue.begun(id);
        begun += 1;
        queue.lost(&[id], OutOfMemory, MOST, true, None, OutOfMemoryRule::Shrink);
    }
    assert_eq!(begun, MOST_UNCOUNTED + MOST);
}

#[test]
fn files_fail_at_once_where_the_job_says_so() {
    let mut queue = queue(3);
    begin(&mut queue, 2);
    assert_eq!(queue.next(2), Next::Fresh(2));
    let verdicts = queue.lost(&[0, 1, 2], OutOfMemory, MOST, true, None, OutOfMemoryRule::Fail);
    let failed = |verdict: &Verdict| matches!(verdict, Verdict::Failed { attempts: 1, losses: 0, .. });
    assert!(verdicts.len() == 2 && verdicts.iter().all(failed), "{verdicts:?}");
    assert_eq!((queue.remaining(), queue.next(0)), (1, Next::Fresh(2)));
}

#[test]
fn a_file_that_ran_out_of_memory_in_an_engine_that_lives_is_a_suspect() {
    let mut queue = queue(2);
    begin(&mut queue, 2);
    let verdict = queue.out_of_memory(0, 1, OutOfMemoryRule::Count).unwrap();
    assert!(matches!(verdict, Verdict::Suspected { id: 0, .. }));
    assert_eq!((queue.out_of_memory(0, 1, OutOfMemoryRule::Count), queue.next(1)), (None, Next::Wait));
    queue.done(1);
    assert_eq!(queue.next(0), Next::Alone(0));
    queue.begun(0);
    let verdict = queue.out_of_memory(0, 1, OutOfMemoryRule::Count).unwrap();
    assert!(matches!(verdict, Verdict::Failed { id: 0, reason: FailureReason::OutOfMemory, .. }));
    assert_eq!(queue.next(0), Next::Empty);
}

#[test]
fn answers_for_files_not_in_flight_change_nothing() {
    let mut queue = queue(2);
    queue.done(0);
    assert_eq!((queue.begun(0), queue.begun(9)), (0, 0));
    assert_eq!(crash(&mut queue, &[0, 1, 9, 9]), []);
    assert_eq!(queue.out_of_memory(9, 1, OutOfMemoryRule::Fail), None);
    assert_eq!((queue.remaining(), begin(&mut queue, 2)), (2, vec![0, 1]));
}

/// Two engines, as while one drains; each has files that it was handed, and how many of them it has begun.
#[derive(Default)]
struct World {
    engines: [(Vec<usize>, usize); 2],
    done: Vec<usize>,
    failed: Vec<usize>,
}

impl World {
    /// Whether each file is in exactly one place.
    fn holds(&self, queue: &Queue, files: usize) -> bool {
        let mut all: Vec<usize> = self.engines.iter().flat_map(|(files, _)| files.clone()).collect();
        all.extend(self.done.iter().chain(&self.failed).chain(&queue.fresh).chain(&queue.suspects));
        all.sort_unstable();
        let one_alone = queue.alone.is_none_or(|id| self.engines.iter().any(|(files, _)| files[..] == [id]));
        all.into_iter().eq(0..files) && one_alone
    }

    fn fill(&mut self, queue: &mut Queue, engine: usize) {
        if let Next::Fresh(id) | Next::Alone(id) = queue.next(self.engines[engine].0.len()) {
            self.engines[engine].0.push(id);
        }
    }

    fn begin(&mut self, queue: &mut Queue, engine: usize) {
        let (files, begun) = &mut self.engines[engine];
        if let Some(&id) = files.get(*begun) {
            queue.begun(id);
            *begun += 1;
        }
    }

    fn answer(&mut self, queue: &mut Queue, engine: usize) {
        let (files, begun) = &mut self.engines[engine];
        if *begun > 0 {
            let id = files.remove(0);
            *begun -= 1;
            queue.done(id);
            self.done.push(id);
        }
    }

    fn hear(&mut self, verdicts: Vec<Verdict>) {
        for verdict in verdicts {
            if let Verdict::Failed { id, .. } = verdict {
                self.failed.push(id);
            }
        }
    }

    fn lose(
        &mut self,
        queue: &mut Queue,
        engine: usize,
        reason: RecycleReason,
        charged: bool,
        rule: OutOfMemoryRule,
    ) {
        let (files, _) = std::mem::take(&mut self.engines[engine]);
        let hung = (reason == Wedged).then(|| files.first().copied()).flatten();
        let verdicts = queue.lost(&files, reason, MOST, charged, hung, rule);
        self.hear(verdicts);
    }
}

proptest! {
    #[test]
    fn no_file_is_lost_or_doubled_and_it_ends(
        files in 0..12_usize,
        steps in prop::collection::vec((0..2_usize, 0..14_u8, any::<bool>()), 0..200),
        culprits in prop::collection::btree_set(0..12_usize, 0..4),
        rules in prop::collection::vec(
            prop::sample::select(vec![OutOfMemoryRule::Shrink, OutOfMemoryRule::Count, OutOfMemoryRule::Fail]), 3),
    ) {
        let (mut queue, mut world) = (queue(files), World::default());
        for (engine, what, charged) in steps {
            let rule = rules[usize::from(what) % 3];
            match what {
                0..=4 => world.fill(&mut queue, engine),
                5..=8 => world.begin(&mut queue, engine),
                9..=10 => world.answer(&mut queue, engine),
                11 => world.lose(&mut queue, engine, OutOfMemory, charged, rule),
                12 => world.lose(&mut queue, engine, Wedged, charged, rule),
                _ => world.lose(&mut queue, engine, Crash, charged, rule),
            }
            prop_assert!(world.holds(&queue, files), "{:?}", queue);
        }
        // From here on culprits take their engine with them whenever they are begun, and the others get done.
        let mut left = 0;
        while world.done.len() + world.failed.len() < files {
            left += 1;
            prop_assert!(left < 1000, "does not end: {:?}", queue);
            for engine in 0..2 {
                world.fill(&mut queue, engine);
                world.begin(&mut queue, engine);
                let (files_there, begun) = &world.engines[engine];
                if files_there[..*begun].iter().any(|id| culprits.contains(id)) {
                    world.lose(&mut queue, engine, OutOfMemory, true, rules[left % 3]);
                } else {
                    world.answer(&mut queue, engine);
                }
            }
            prop_assert!(world.holds(&queue, files), "{:?}", queue);
        }
        prop_assert_eq!((queue.remaining(), queue.next(0)), (0, Next::Empty));
    }

    /// Where only culprits take engines down, nobody else fails for them.
    #[test]
    fn the_innocent_get_done(files in 1..12_usize, culprits in prop::collection::btree_set(0..12_usize, 0..4), lanes in 1..5_usize) {
        let (mut queue, mut world) = (queue(files), World::default());
        let mut rounds = 0;
        while queue.remaining() > 0 {
            rounds += 1;
            prop_assert!(rounds < 1000, "does not end: {:?}", queue);
            for _ in 0..lanes {
                world.fill(&mut queue, 0);
                world.begin(&mut queue, 0);
            }
            if world.engines[0].0.iter().any(|id| culprits.contains(id)) {
                world.lose(&mut queue, 0, Crash, true, OutOfMemoryRule::Count);
            } else {
                world.answer(&mut queue, 0);
            }
        }
        let failed: BTreeSet<usize> = world.failed.iter().copied().collect();
        prop_assert_eq!(failed, culprits.into_iter().filter(|id| *id < files).collect::<BTreeSet<_>>());
    }
}
