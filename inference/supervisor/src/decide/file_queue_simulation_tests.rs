//! Simulations of engines and culprits: no file is lost, and only culprits fail.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use RecycleReason::{Crash, OutOfMemory, Wedged};

const MAX_ATTEMPTS: u32 = 3;

fn queue(files: usize) -> FileQueue {
    let mut queue = FileQueue::new();
    (0..files).for_each(|id| queue.push_back(id));
    queue
}

/// Two engines, as while one drains: the files of each, and how many of them it has begun.
#[derive(Default)]
struct Simulation {
    engines: [(Vec<usize>, usize); 2],
    done: Vec<usize>,
    failed: Vec<usize>,
}

impl Simulation {
    /// Whether each file is in exactly one place.
    fn is_consistent(&self, queue: &FileQueue, files: usize) -> bool {
        let mut all: Vec<usize> = self.engines.iter().flat_map(|(files, _)| files.clone()).collect();
        all.extend(self.done.iter().chain(&self.failed).chain(&queue.fresh).chain(&queue.suspects));
        all.sort_unstable();
        let one_alone = queue.alone.is_none_or(|id| self.engines.iter().any(|(files, _)| files[..] == [id]));
        all.into_iter().eq(0..files) && one_alone
    }

    fn fill(&mut self, queue: &mut FileQueue, engine: usize) {
        if let NextFile::Fresh(id) | NextFile::Alone(id) = queue.next(self.engines[engine].0.len()) {
            self.engines[engine].0.push(id);
        }
    }

    fn begin(&mut self, queue: &mut FileQueue, engine: usize) {
        let (files, begun) = &mut self.engines[engine];
        if let Some(&id) = files.get(*begun) {
            queue.begun(id);
            *begun += 1;
        }
    }

    fn answer(&mut self, queue: &mut FileQueue, engine: usize) {
        let (files, begun) = &mut self.engines[engine];
        if *begun > 0 {
            let id = files.remove(0);
            *begun -= 1;
            queue.done(id);
            self.done.push(id);
        }
    }

    fn apply(&mut self, verdicts: Vec<SuspectVerdict>) {
        for verdict in verdicts {
            if let SuspectVerdict::Failed { id, .. } = verdict {
                self.failed.push(id);
            }
        }
    }

    fn lose(
        &mut self,
        queue: &mut FileQueue,
        engine: usize,
        reason: RecycleReason,
        charged: bool,
        rule: OutOfMemoryRule,
    ) {
        let (files, _) = std::mem::take(&mut self.engines[engine]);
        let hung = (reason == Wedged).then(|| files.first().copied()).flatten();
        let verdicts = queue.lost(&files, reason, MAX_ATTEMPTS, charged, hung, rule);
        self.apply(verdicts);
    }
}

proptest! {
    #[test]
    fn no_file_is_lost_or_duplicated_and_the_queue_empties(
        files in 0..12_usize,
        steps in prop::collection::vec((0..2_usize, 0..14_u8, any::<bool>()), 0..200),
        culprits in prop::collection::btree_set(0..12_usize, 0..4),
        rules in prop::collection::vec(
            prop::sample::select(
                vec![OutOfMemoryRule::Shrink, OutOfMemoryRule::Count, OutOfMemoryRule::Fail],
            ),
            3,
        ),
    ) {
        let (mut queue, mut simulation) = (queue(files), Simulation::default());
        for (engine, what, charged) in steps {
            let rule = rules[usize::from(what) % 3];
            match what {
                0..=4 => simulation.fill(&mut queue, engine),
                5..=8 => simulation.begin(&mut queue, engine),
                9..=10 => simulation.answer(&mut queue, engine),
                11 => simulation.lose(&mut queue, engine, OutOfMemory, charged, rule),
                12 => simulation.lose(&mut queue, engine, Wedged, charged, rule),
                _ => simulation.lose(&mut queue, engine, Crash, charged, rule),
            }
            prop_assert!(simulation.is_consistent(&queue, files), "{:?}", queue);
        }
        // From here on culprits crash their engine whenever they are begun, and the others succeed.
        let mut round = 0;
        while simulation.done.len() + simulation.failed.len() < files {
            round += 1;
            prop_assert!(round < 1000, "does not end: {:?}", queue);
            for engine in 0..2 {
                simulation.fill(&mut queue, engine);
                simulation.begin(&mut queue, engine);
                let (files_there, begun) = &simulation.engines[engine];
                if files_there[..*begun].iter().any(|id| culprits.contains(id)) {
                    simulation.lose(&mut queue, engine, OutOfMemory, true, rules[round % 3]);
                } else {
                    simulation.answer(&mut queue, engine);
                }
            }
            prop_assert!(simulation.is_consistent(&queue, files), "{:?}", queue);
        }
        prop_assert_eq!((queue.remaining(), queue.next(0)), (0, NextFile::Empty));
    }

    /// Where only culprits crash engines, no other file fails.
    #[test]
    fn files_that_are_not_culprits_succeed(
        files in 1..12_usize,
        culprits in prop::collection::btree_set(0..12_usize, 0..4),
        window in 1..5_usize,
    ) {
        let (mut queue, mut simulation) = (queue(files), Simulation::default());
        let mut rounds = 0;
        while queue.remaining() > 0 {
            rounds += 1;
            prop_assert!(rounds < 1000, "does not end: {:?}", queue);
            for _ in 0..window {
                simulation.fill(&mut queue, 0);
                simulation.begin(&mut queue, 0);
            }
            if simulation.engines[0].0.iter().any(|id| culprits.contains(id)) {
                simulation.lose(&mut queue, 0, Crash, true, OutOfMemoryRule::Count);
            } else {
                simulation.answer(&mut queue, 0);
            }
        }
        let failed: BTreeSet<usize> = simulation.failed.iter().copied().collect();
        prop_assert_eq!(failed, culprits.into_iter().filter(|id| *id < files).collect::<BTreeSet<_>>());
    }
}
