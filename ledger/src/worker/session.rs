//! One claimed shard, from its claim to its outcomes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use verbatim_crds::contract::FailureReason;

use super::claiming::{Origin, begin, leave_nothing};
use super::error::WorkerError;
use super::file::{Undone, process};
use super::keeper::Keeper;
use super::spool::Room;
use super::steps::Steps;
use super::watch::{Became, Event};
use super::{Load, Shared};
use crate::claim::Wish;
use crate::claim::machine::Phase;
use crate::outcome::Outcome;
use crate::plan::file::PlannedFile;

/// How a session ended.
#[derive(Debug)]
pub enum Ended {
    /// The shard's outcomes are recorded.
    Recorded,
    /// Another has it, or had it first.
    Lost,
    /// It was given back.
    Released,
}

/// A claimed shard that is worked on.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    shard: u32,
    files: Arc<Vec<PlannedFile>>,
    keeper: Keeper<'a>,
    /// Files that were not begun.
    waiting: VecDeque<u32>,
    /// Room for the next file, awaited.
    room: Option<BoxFuture<'static, Option<Room>>>,
    /// Files that are begun, once the store knows.
    begun: VecDeque<(u32, Room)>,
    running: JoinSet<(u32, Steps, Result<Outcome, Undone>)>,
    load: Load,
    broken: Option<WorkerError>,
}

/// Claims a shard and does it. `held` hears once whether the claim was had.
pub(crate) async fn run(
    shared: Arc<Shared>,
    shard: u32,
    origin: Origin,
    load: Load,
    held: mpsc::UnboundedSender<bool>,
) -> Result<Ended, WorkerError> {
    let ended = hold(&shared, shard, &origin, load, held).await;
    shared.watch.hear(&match &ended {
        Ok(ended) => Event::Ended { shard, ended },
        Err(error) => Event::Broken { shard, error },
    });
    ended
}

async fn hold(
    shared: &Arc<Shared>,
    shard: u32,
    origin: &Origin,
    mut load: Load,
    held: mpsc::UnboundedSender<bool>,
) -> Result<Ended, WorkerError> {
    let begun = Instant::now();
    let Some((files, keeper)) = begin(shared, shard, origin).await? else {
        let _ = held.send(false);
        return Ok(Ended::Lost);
    };
    let epoch = keeper.machine.body().epoch;
    shared.watch.hear(&Event::Claimed { shard, epoch, files: files.len(), took: begun.elapsed() });
    let _ = held.send(true);
    let store = shared.ledger.store();
    let key = shared.ledger.done(shard);
    match store.head(&key).await {
        Ok(_) => {
            leave_nothing(shared, shard).await;
            return Ok(Ended::Recorded);
        }
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let waiting: VecDeque<u32> = keeper.machine.unfinished().collect();
    load.set(!waiting.is_empty());
    let mut session = Session {
        shared,
        shard,
        files,
        keeper,
        waiting,
        room: None,
        begun: VecDeque::new(),
        running: JoinSet::new(),
        load,
        broken: None,
    };
    session.work().await
}

impl Session<'_> {
    async fn work(&mut self) -> Result<Ended, WorkerError> {
        let mut renewals = tokio::time::interval(self.shared.settings.lease / 3);
        // After a long stop one renewal is enough.
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        let drain = self.shared.drain.clone();
        loop {
            self.start_begun();
            self.load.set(!self.waiting.is_empty());
            match self.keeper.machine.phase() {
                Phase::Held => {}
                Phase::Recorded => return Ok(self.end(Ended::Recorded)),
                Phase::Released => {
                    return match self.broken.take() {
                        Some(error) => Err(error),
                        None => Ok(self.end(Ended::Released)),
                    };
                }
                Phase::Lost => return Ok(self.end(Ended::Lost)),
            }
            let stopping = self.broken.is_some() || drain.is_begun();
            if stopping {
                self.give_up_waiting();
                if self.running.is_empty() {
                    self.keeper.wish(Wish::Release);
                }
            } else if self.room.is_none() && self.may_take_more() {
                self.ask_for_room();
            }
            tokio::select! {
                turn = self.keeper.turn() => if let Err(error) = turn {
                    // Nothing more can be written: the claim runs out by itself.
                    return Err(self.broken.take().unwrap_or(error));
                },
                room = wait(&mut self.room) => self.take(room),
                Some(ended) = self.running.join_next() => self.hear(ended),
                _ = renewals.tick() => self.keeper.wish(Wish::Renew),
                () = drain.begun(), if !stopping => {}
            }
        }
    }

    /// Whether another file may be begun: in a careful claim one at a time.
    fn may_take_more(&mut self) -> bool {
        self.quarantine();
        let careful = self.keeper.machine.body().is_careful();
        !self.waiting.is_empty() && !(careful && (!self.running.is_empty() || !self.begun.is_empty()))
    }

    /// Fails files that workers were lost with too often.
    fn quarantine(&mut self) {
        while let Some(file) = self.waiting.front().copied() {
            let attempts = self.keeper.machine.attempts(file);
            if attempts < self.shared.settings.max_attempts {
                return;
            }
            self.waiting.pop_front();
            let message = format!("workers were lost with it in flight, {attempts} times");
            let outcome = Outcome { attempts, ..Outcome::failed(FailureReason::WorkerLost, message) };
            self.finish(file, outcome);
        }
    }

    fn ask_for_room(&mut self) {
        let Some(file) = self.waiting.front().and_then(|file| self.files.get(*file as usize)) else { return };
        let (shared, bytes) = (Arc::clone(self.shared), file.size);
        self.room = Some(async move { shared.spool.room(bytes).await }.boxed());
    }

    fn take(&mut self, room: Option<Room>) {
        self.room = None;
        if let (Some(room), Some(file)) = (room, self.waiting.pop_front()) {
            self.keeper.wish(Wish::Begin(file));
            self.begun.push_back((file, room));
            self.shared.watch.hear(&self.shared.spool.holds());
        }
    }

    /// Starts the files that may be begun by now.
    fn start_begun(&mut self) {
        while self.begun.front().is_some_and(|(file, _)| self.keeper.machine.may_begin(*file)) {
            let Some((position, room)) = self.begun.pop_front() else { return };
            let Some(file) = self.files.get(position as usize).cloned() else { continue };
            let shared = Arc::clone(self.shared);
            let suspect = self.keeper.machine.body().epoch > 1;
            self.running.spawn(async move {
                let mut steps = Steps::begin();
                let done = process(&shared, &file, suspect, room, &mut steps).await;
                (position, steps, done)
            });
        }
    }

    fn hear(&mut self, ended: Result<(u32, Steps, Result<Outcome, Undone>), JoinError>) {
        let (file, steps, done) = match ended {
            Ok(ended) => ended,
            Err(died) => {
                self.broken.get_or_insert(WorkerError::Died(died.to_string()));
                return;
            }
        };
        if let Some(planned) = self.files.get(file as usize) {
            let became = match &done {
                Ok(outcome) => Became::Done(outcome),
                Err(Undone::Interrupted) => Became::GivenBack,
                Err(Undone::Broken(error)) => Became::Broken(error),
            };
            self.shared.watch.hear(&Event::Tried { shard: self.shard, file: planned, steps: &steps, became });
        }
        match done {
            Ok(mut outcome) => {
                outcome.attempts += self.keeper.machine.attempts(file);
                self.finish(file, outcome);
            }
            Err(undone) => {
                self.keeper.wish(Wish::Forget(file));
                if let Undone::Broken(error) = undone {
                    self.broken.get_or_insert(error);
                }
            }
        }
    }

    fn finish(&mut self, file: u32, mut outcome: Outcome) {
        outcome.worker.clone_from(&self.shared.settings.worker);
        let planned = self.files.get(file as usize);
        if let Some(planned) = planned {
            self.shared.watch.hear(&Event::Finished { file: planned, outcome: &outcome });
            self.shared.watch.hear(&self.shared.spool.holds());
        }
        let size = planned.map_or(0, |planned| planned.size);
        self.keeper.wish(Wish::Finish { file, size, outcome: Box::new(outcome) });
    }

    fn give_up_waiting(&mut self) {
        self.room = None;
        self.waiting.clear();
        for (file, _) in std::mem::take(&mut self.begun) {
            self.keeper.wish(Wish::Forget(file));
        }
    }

    fn end(&mut self, ended: Ended) -> Ended {
        self.running.abort_all();
        ended
    }
}

/// Waits for room, or for ever where none is asked for. Can be dropped and called again.
async fn wait(room: &mut Option<BoxFuture<'static, Option<Room>>>) -> Option<Room> {
    match room {
        Some(room) => room.await,
        None => std::future::pending().await,
    }
}
