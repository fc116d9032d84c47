//! The world of the claim protocol: a store, a network that loses and delays, workers that stall and die.

use std::collections::BTreeMap;

use stateright::{Model, Property};
use verbatim_ledger::claim::machine::Phase;
use verbatim_ledger::claim::{Answer, Claim, Done, Machine, Request, Standing, Wish};
use verbatim_ledger::outcome::Outcome;
use verbatim_store::ETag;

/// A way in which the protocol is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    TakeOverWithoutIfMatch,
    ClaimWithoutCondition,
    CommitWithoutCondition,
    RecordWithoutCondition,
}

/// How large the world is. Each mishap happens at most so often on a path.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) workers: usize,
    pub(crate) files: u32,
    /// Workers that die.
    pub(crate) crashes: u8,
    /// Requests or answers that are lost, or arrive when nobody waits for them any more.
    pub(crate) losses: u8,
    /// Take-overs from an owner that lives: it was stopped for longer than a lease.
    pub(crate) stalls: u8,
    /// Renewals.
    pub(crate) renewals: u8,
    /// Claims that are given back.
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
    done: Option<Done>,
    done_writes: u8,
    /// For each file: how often its transcript was written.
    transcripts: Vec<u8>,
    writes: u64,
    /// The owner of each epoch that the store saw; where two owners had the same one, `None`.
    owners: BTreeMap<u32, Option<String>>,
    /// Whether a write of the claim forgot what was finished, or an attempt.
    forgot: bool,
    workers: Vec<Worker>,
    /// Requests whose sender waits no more, and which may arrive yet.
    late: Vec<Request>,
    left: Left,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Left {
    crashes: u8,
    losses: u8,
    stalls: u8,
    renewals: u8,
    releases: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Worker {
    dead: bool,
    /// Machines so far: each has an owner of its own.
    starts: u8,
    machine: Option<Machine>,
    sent: Option<Request>,
    answered: Option<Answer>,
    /// Files whose transcripts this machine has committed, or found there.
    committed: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Start(usize),
    Arrive(usize),
    Hear(usize),
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
    /// The store's part: all of a request, at once.
    fn apply(&mut self, request: Request, mutation: Option<Mutation>) -> Answer {
        match request {
            Request::Write(body, over) => {
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
                    self.forgot |= there.finished.keys().any(lost);
                    self.forgot |= there.attempts.iter().any(|(file, n)| body.attempts.get(file) < Some(n));
                }
                Answer::Written(self.store_claim(*body))
            }
            Request::Read => Answer::Found(self.claim.clone().map(|(claim, etag)| (Box::new(claim), etag))),
            Request::Record(done) => {
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

    /// Whether the claim's owner works on it: then it would be renewed, and only a stall lets another take it.
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
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            claim: None,
            done: None,
            done_writes: 0,
            transcripts: vec![0; self.files as usize],
            writes: 0,
            owners: BTreeMap::new(),
            forgot: false,
            workers: vec![Worker::default(); self.workers],
            late: Vec::new(),
            left: Left {
                crashes: self.crashes,
                losses: self.losses,
                stalls: self.stalls,
                renewals: self.renewals,
                releases: self.releases,
            },
        }]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        for (w, worker) in world.workers.iter().enumerate().filter(|(_, worker)| !worker.dead) {
            if world.left.crashes > 0 {
                acts.push(Act::Crash(w));
            }
            if worker.sent.is_some() {
                acts.push(Act::Arrive(w));
                if world.left.losses > 0 {
                    acts.extend([Act::LoseRequest(w), Act::Delay(w)]);
                }
            }
            if worker.answered.is_some() {
                acts.push(Act::Hear(w));
                if world.left.losses > 0 {
                    acts.push(Act::LoseAnswer(w));
                }
            }
            match &worker.machine {
                Some(machine) if machine.is_holding() => {
                    for file in machine.unfinished() {
                        if worker.committed.contains(&file) {
                            acts.push(Act::Finish(w, file));
                        } else if machine.may_begin(file) {
                            acts.push(Act::Commit(w, file));
                        } else if machine.body().in_flight.is_empty() {
                            acts.push(Act::Begin(w, file));
                        }
                    }
                    if world.left.renewals > 0 {
                        acts.push(Act::Renew(w));
                    }
                    if world.left.releases > 0 {
                        acts.push(Act::Release(w));
                    }
                }
                Some(machine) if *machine.phase() == Phase::Held => {}
                _ if world.done.is_none() && worker.sent.is_none() && worker.answered.is_none() => {
                    acts.push(Act::Start(w));
                }
                _ => {}
            }
        }
        acts.extend((0..world.late.len()).map(Act::ArriveLate));
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        let send = |worker: &mut Worker, request: Option<Request>| {
            if let Some(request) = request {
                worker.sent = Some(request);
            }
        };
        match act {
            Act::Start(w) => {
                let owner = format!("{w}.{}", world.workers[w].starts);
                let (machine, request) = match &last.claim {
                    None => Machine::claim(self.files, &owner, ""),
                    Some((claim, etag)) => {
                        if claim.standing == Standing::Held && last.is_live(claim) {
                            world.left.stalls = world.left.stalls.checked_sub(1)?;
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
            Act::Arrive(w) => {
                let request = world.workers[w].sent.take()?;
                world.workers[w].answered = Some(world.apply(request, self.mutation));
            }
            Act::ArriveLate(at) => {
                let request = world.late.remove(at);
                world.apply(request, self.mutation);
            }
            Act::Hear(w) => {
                let worker = &mut world.workers[w];
                let answer = worker.answered.take()?;
                let request = worker.machine.as_mut()?.answer(answer);
                send(worker, request);
            }
            Act::LoseRequest(w) | Act::Delay(w) | Act::LoseAnswer(w) => {
                world.left.losses -= 1;
                let worker = &mut world.workers[w];
                worker.answered = None;
                if let (Some(request), Act::Delay(_)) = (worker.sent.take(), act) {
                    world.late.push(request);
                }
                let request = worker.machine.as_mut()?.answer(Answer::Unclear);
                send(worker, request);
            }
            Act::Begin(w, file) => {
                let worker = &mut world.workers[w];
                let request = worker.machine.as_mut()?.wish(Wish::Begin(file));
                send(worker, request);
            }
            Act::Commit(w, file) => {
                let written = &mut world.transcripts[file as usize];
                // The plan saw no transcript. Where there is one now, it is of the same recording: that is fine.
                if *written == 0 || self.mutation == Some(Mutation::CommitWithoutCondition) {
                    *written += 1;
                }
                world.workers[w].committed.push(file);
            }
            Act::Finish(w, file) => {
                let worker = &mut world.workers[w];
                let outcome = Box::new(Outcome::succeeded(0, 0));
                let request = worker.machine.as_mut()?.wish(Wish::Finish { file, size: 1, outcome });
                send(worker, request);
            }
            Act::Renew(w) => {
                world.left.renewals -= 1;
                let worker = &mut world.workers[w];
                let request = worker.machine.as_mut()?.wish(Wish::Renew);
                send(worker, request);
            }
            Act::Release(w) => {
                world.left.releases -= 1;
                let worker = &mut world.workers[w];
                let request = worker.machine.as_mut()?.wish(Wish::Release);
                send(worker, request);
            }
            Act::Crash(w) => {
                world.left.crashes -= 1;
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
            Property::always("no transcript is written over", |_, world: &World| {
                world.transcripts.iter().all(|written| *written <= 1)
            }),
            Property::always("what is recorded is there", |_, world: &World| {
                world.done.is_none() || world.transcripts.iter().all(|written| *written == 1)
            }),
            Property::always("nothing finished and no attempt is forgotten", |_, world: &World| {
                !world.forgot
            }),
            Property::eventually("the shard is done", |_, world: &World| world.done.is_some()),
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
