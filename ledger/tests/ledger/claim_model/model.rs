//! Model of the claim protocol: a store, a network that loses and delays requests, workers that stall and
//! die.

use std::collections::BTreeMap;

use stateright::{Model, Property};
use verbatim_ledger::claim::machine::Phase;
use verbatim_ledger::claim::{Answer, Claim, Command, Machine, Request, ShardOutcomes, Standing};
use verbatim_ledger::outcome::Outcome;
use verbatim_store::ETag;

/// A deliberate fault in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    TakeOverWithoutIfMatch,
    ClaimWithoutCondition,
    CommitWithoutCondition,
    RecordWithoutCondition,
}

/// Size of the model. Each fault happens at most so often on a path.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) workers: usize,
    pub(crate) files: u32,
    /// Workers that die.
    pub(crate) crashes: u8,
    /// Lost requests or answers, and requests that arrive after their sender gave up.
    pub(crate) losses: u8,
    /// Take-overs from a live owner that stalled for longer than a lease.
    pub(crate) stalls: u8,
    /// Renewals.
    pub(crate) renewals: u8,
    /// Released claims.
    pub(crate) releases: u8,
    pub(crate) mutation: Option<Mutation>,
}

impl Claims {
    pub(crate) fn two_workers() -> Self {
        Self {
            workers: 2,
            files: 2,
            crashes: 1,
            losses: 1,
            stalls: 1,
            renewals: 0,
            releases: 0,
            mutation: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    claim: Option<(Claim, ETag)>,
    done: Option<ShardOutcomes>,
    done_writes: u8,
    /// For each file, the number of writes of its transcript.
    transcripts: Vec<u8>,
    writes: u64,
    /// The owner of each epoch that the store saw; `None` if there were two.
    owners: BTreeMap<u32, Option<String>>,
    /// Whether a write of the claim forgot a finished file or an attempt.
    lost_progress: bool,
    workers: Vec<Worker>,
    /// Requests that may still arrive after their sender gave up.
    late: Vec<Request>,
    remaining: Remaining,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Remaining {
    crashes: u8,
    losses: u8,
    stalls: u8,
    renewals: u8,
    releases: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Worker {
    dead: bool,
    /// Number of machines so far; each has an owner of its own.
    starts: u8,
    machine: Option<Machine>,
    sent: Option<Request>,
    answered: Option<Answer>,
    /// Files whose transcripts this machine committed or found.
    committed: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start(usize),
    Arrive(usize),
    Receive(usize),
    LoseRequest(usize),
    LoseAnswer(usize),
    Delay(usize),
    ArriveLate(usize),
    Begin(usize, u32),
    Commit(usize, u32),
    Finish(usize, u32),
    Renew(usize),
    Release(usize),
    Crash(usize),
}

impl World {
    /// Applies a request to the store, atomically.
    fn apply(&mut self, request: Request, mutation: Option<Mutation>) -> Answer {
        match request {
            Request::WriteClaim(body, over) => {
                let holds = match (&over, &self.claim) {
                    (None, None) => true,
                    (Some(over), Some((_, etag))) => over == etag,
                    _ => false,
                };
                let free = match over {
                    None => mutation == Some(Mutation::ClaimWithoutCondition),
                    Some(_) => mutation == Some(Mutation::TakeOverWithoutIfMatch),
                };
                if !holds && !free {
                    return Answer::Refused;
                }
                self.owners
                    .entry(body.epoch)
                    .and_modify(|owner| {
                        if owner.as_ref() != Some(&body.owner) {
                            *owner = None;
                        }
                    })
                    .or_insert_with(|| Some(body.owner.clone()));
                if let Some((there, _)) = &self.claim {
                    let lost = |file: &u32| !body.finished.contains_key(file);
                    self.lost_progress |= there.finished.keys().any(lost);
                    self.lost_progress |=
                        there.attempts.iter().any(|(file, n)| body.attempts.get(file) < Some(n));
                }
                Answer::Written(self.store_claim(*body))
            }
            Request::ReadClaim => {
                Answer::Found(self.claim.clone().map(|(claim, etag)| (Box::new(claim), etag)))
            }
            Request::WriteOutcomes(done) => {
                if self.done.is_some() && mutation != Some(Mutation::RecordWithoutCondition) {
                    return Answer::Refused;
                }
                self.done = Some(*done);
                self.done_writes += 1;
                Answer::Written(ETag::new("done"))
            }
        }
    }

    fn store_claim(&mut self, claim: Claim) -> ETag {
        self.writes += 1;
        let etag = ETag::new(self.writes.to_string());
        self.claim = Some((claim, etag.clone()));
        etag
    }

    /// Whether the claim's owner works on it: then it would be renewed, and only a stall allows a take-over.
    fn is_live(&self, claim: &Claim) -> bool {
        self.workers.iter().filter(|worker| !worker.dead).any(|worker| {
            worker.machine.as_ref().is_some_and(|machine| {
                *machine.phase() == Phase::Held
                    && (machine.body().owner.as_str(), machine.body().epoch)
                        == (claim.owner.as_str(), claim.epoch)
            })
        })
    }
}

impl Model for Claims {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            claim: None,
            done: None,
            done_writes: 0,
            transcripts: vec![0; self.files as usize],
            writes: 0,
            owners: BTreeMap::new(),
            lost_progress: false,
            workers: vec![Worker::default(); self.workers],
            late: Vec::new(),
            remaining: Remaining {
                crashes: self.crashes,
                losses: self.losses,
                stalls: self.stalls,
                renewals: self.renewals,
                releases: self.releases,
            },
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (w, worker) in world.workers.iter().enumerate().filter(|(_, worker)| !worker.dead) {
            if world.remaining.crashes > 0 {
                actions.push(Action::Crash(w));
            }
            if worker.sent.is_some() {
                actions.push(Action::Arrive(w));
                if world.remaining.losses > 0 {
                    actions.extend([Action::LoseRequest(w), Action::Delay(w)]);
                }
            }
            if worker.answered.is_some() {
                actions.push(Action::Receive(w));
                if world.remaining.losses > 0 {
                    actions.push(Action::LoseAnswer(w));
                }
            }
            match &worker.machine {
                Some(machine) if machine.is_holding() => {
                    for file in machine.unfinished() {
                        if worker.committed.contains(&file) {
                            actions.push(Action::Finish(w, file));
                        } else if machine.may_begin(file) {
                            actions.push(Action::Commit(w, file));
                        } else if machine.body().in_flight.is_empty() {
                            actions.push(Action::Begin(w, file));
                        }
                    }
                    if world.remaining.renewals > 0 {
                        actions.push(Action::Renew(w));
                    }
                    if world.remaining.releases > 0 {
                        actions.push(Action::Release(w));
                    }
                }
                Some(machine) if *machine.phase() == Phase::Held => {}
                _ if world.done.is_none() && worker.sent.is_none() && worker.answered.is_none() => {
                    actions.push(Action::Start(w));
                }
                _ => {}
            }
        }
        actions.extend((0..world.late.len()).map(Action::ArriveLate));
    }

    fn next_state(&self, last: &World, act: Action) -> Option<World> {
        let mut world = last.clone();
        let send = |worker: &mut Worker, request: Option<Request>| {
            if let Some(request) = request {
                worker.sent = Some(request);
            }
        };
        match act {
            Action::Start(w) => {
                let owner = format!("{w}.{}", world.workers[w].starts);
                let (machine, request) = match &last.claim {
                    None => Machine::claim(self.files, &owner, ""),
                    Some((claim, etag)) => {
                        if claim.standing == Standing::Held && last.is_live(claim) {
                            world.remaining.stalls = world.remaining.stalls.checked_sub(1)?;
                        }
                        Machine::take_over(self.files, claim, etag.clone(), &owner, "")
                    }
                };
                let worker = &mut world.workers[w];
                worker.starts += 1;
                worker.machine = Some(machine);
                worker.committed.clear();
                worker.sent = Some(request);
            }
            Action::Arrive(w) => {
                let request = world.workers[w].sent.take()?;
                world.workers[w].answered = Some(world.apply(request, self.mutation));
            }
            Action::ArriveLate(at) => {
                let request = world.late.remove(at);
                world.apply(request, self.mutation);
            }
            Action::Receive(w) => {
                let worker = &mut world.workers[w];
                let answer = worker.answered.take()?;
                let request = worker.machine.as_mut()?.answer(answer);
                send(worker, request);
            }
            Action::LoseRequest(w) | Action::Delay(w) | Action::LoseAnswer(w) => {
                world.remaining.losses -= 1;
                let worker = &mut world.workers[w];
                worker.answered = None;
                if let (Some(request), Action::Delay(_)) = (worker.sent.take(), act) {
                    world.late.push(request);
                }
                let request = worker.machine.as_mut()?.answer(Answer::Unclear);
                send(worker, request);
            }
            Action::Begin(w, file) => {
                let worker = &mut world.workers[w];
                let request = worker.machine.as_mut()?.command(Command::Begin(file));
                send(worker, request);
            }
            Action::Commit(w, file) => {
                let written = &mut world.transcripts[file as usize];
                // The plan has no transcript. One that exists now is of the same recording, so it counts as
                // committed.
                if *written == 0 || self.mutation == Some(Mutation::CommitWithoutCondition) {
                    *written += 1;
                }
                world.workers[w].committed.push(file);
            }
            Action::Finish(w, file) => {
                let worker = &mut world.workers[w];
                let outcome = Box::new(Outcome::succeeded(0, 0));
                let request = worker.machine.as_mut()?.command(Command::Finish { file, size: 1, outcome });
                send(worker, request);
            }
            Action::Renew(w) => {
                world.remaining.renewals -= 1;
                let worker = &mut world.workers[w];
                let request = worker.machine.as_mut()?.command(Command::Renew);
                send(worker, request);
            }
            Action::Release(w) => {
                world.remaining.releases -= 1;
                let worker = &mut world.workers[w];
                let request = worker.machine.as_mut()?.command(Command::Release);
                send(worker, request);
            }
            Action::Crash(w) => {
                world.remaining.crashes -= 1;
                let worker = std::mem::take(&mut world.workers[w]);
                world.workers[w].dead = true;
                world.late.extend(worker.sent);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each epoch has one owner", |_, world: &World| {
                world.owners.values().all(Option::is_some)
            }),
            Property::always("outcomes are written once", |_, world: &World| world.done_writes <= 1),
            Property::always("every file is in the outcomes once", |claims: &Self, world: &World| {
                world.done.as_ref().is_none_or(|done| done.outcomes.len() == claims.files as usize)
            }),
            Property::always("no transcript is overwritten", |_, world: &World| {
                world.transcripts.iter().all(|written| *written <= 1)
            }),
            Property::always("recorded transcripts exist", |_, world: &World| {
                world.done.is_none() || world.transcripts.iter().all(|written| *written == 1)
            }),
            Property::always("no finished file and no attempt is forgotten", |_, world: &World| {
                !world.lost_progress
            }),
            Property::eventually("the shard is finished", |_, world: &World| world.done.is_some()),
            Property::sometimes("a shard is taken over", |_, world: &World| {
                world.claim.as_ref().is_some_and(|(claim, _)| claim.epoch > 1)
            }),
            Property::sometimes("a shard is taken over twice", |_, world: &World| {
                world.claim.as_ref().is_some_and(|(claim, _)| claim.epoch > 2)
            }),
            Property::sometimes("a lost owner's file counts as an attempt", |_, world: &World| {
                world.claim.as_ref().is_some_and(|(claim, _)| !claim.attempts.is_empty())
            }),
            Property::sometimes("an owner that was taken over records first", |_, world: &World| {
                match (&world.done, &world.claim) {
                    (Some(done), Some((claim, _))) => done.epoch < claim.epoch,
                    _ => false,
                }
            }),
        ]
    }
}
