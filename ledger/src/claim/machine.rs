//! The claim protocol of one worker and one shard, as a state machine: events in, requests out; no clock, no I/O.
//!
//! One request is under way at a time. The caller sends it and gives its answer; meanwhile wishes wait. What the store
//! decides, and not the machine's view of time, says who has the shard: see `claim.md`.

use std::collections::BTreeSet;

use verbatim_store::ETag;

use super::body::{Claim, Done, Standing};
use crate::outcome::Outcome;

/// What the machine wants done. The answer comes back with [`Machine::answer`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Write the claim: where there is none, or over this version.
    Write(Box<Claim>, Option<ETag>),
    /// Read the claim.
    Read,
    /// Write the outcomes, where there are none.
    Record(Box<Done>),
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It was written, and has this version.
    Written(ETag),
    /// It was not written: the condition does not hold.
    Refused,
    /// It failed; a write may have happened all the same, or may yet happen.
    Unclear,
    /// What is there.
    Found(Option<(Box<Claim>, ETag)>),
}

/// What the caller wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Show that the owner lives, and what it is doing.
    Renew,
    /// Begin a file. In a careful claim it may begin when [`Machine::may_begin`] says so.
    Begin(u32),
    /// A file is no longer worked on, and nothing became of it.
    Forget(u32),
    /// Something became of a file.
    Finish {
        /// Its position in the shard.
        file: u32,
        /// Its bytes.
        size: u64,
        /// What.
        outcome: Box<Outcome>,
    },
    /// Give the shard back.
    Release,
}

/// Where the machine stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It has the shard, as far as it knows.
    Held,
    /// The outcomes are recorded, by this worker or by another: the shard is done.
    Recorded,
    /// It has given the shard back.
    Released,
    /// Another has it.
    Lost,
}

/// The request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Busy {
    Nothing,
    /// The claim is written.
    Write,
    /// The claim is read, to learn what came of a write.
    Check,
    /// The outcomes are written.
    Record,
}

/// The claim protocol of one worker and one shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    files: u32,
    /// What the next write says, but for its counter.
    body: Claim,
    /// The version that is held; none before the first write succeeded.
    etag: Option<ETag>,
    /// Files in flight in the claim that the store has.
    known_in_flight: BTreeSet<u32>,
    /// Files in flight in the claim that is being written.
    told_in_flight: BTreeSet<u32>,
    busy: Busy,
    /// Whether the claim is to be written, for a renewal or for a file that wants to begin.
    wants_write: bool,
    wants_release: bool,
    phase: Phase,
}

impl Machine {
    /// Claims a shard of so many files that nobody has claimed.
    pub fn claim(files: u32, owner: &str, worker: &str) -> (Self, Request) {
        Self::begin(files, Claim::first(owner, worker), None)
    }

    /// Takes over a shard whose claim was seen in this version, because it was given back or not renewed for a lease.
    pub fn take_over(files: u32, seen: &Claim, etag: ETag, owner: &str, worker: &str) -> (Self, Request) {
        Self::begin(files, seen.taken_over(owner, worker), Some(etag))
    }

    fn begin(files: u32, body: Claim, over: Option<ETag>) -> (Self, Request) {
        let request = Request::Write(Box::new(body.clone()), over);
        let machine = Self {
            files,
            body,
            etag: None,
            known_in_flight: BTreeSet::new(),
            told_in_flight: BTreeSet::new(),
            busy: Busy::Write,
            wants_write: false,
            wants_release: false,
            phase: Phase::Held,
        };
        (machine, request)
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether the store has confirmed the claim at least once, and nothing has ended it.
    pub fn is_holding(&self) -> bool {
        self.etag.is_some() && self.phase == Phase::Held
    }

    /// The claim as it will be written next.
    pub fn body(&self) -> &Claim {
        &self.body
    }

    /// Files that nothing became of yet.
    pub fn unfinished(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.files).filter(|file| !self.body.finished.contains_key(file))
    }

    /// Whether a file that wants to begin may: in a careful claim only once the store knows.
    pub fn may_begin(&self, file: u32) -> bool {
        self.is_holding()
            && self.body.in_flight.contains(&file)
            && (!self.body.is_careful() || self.known_in_flight.contains(&file))
    }

    /// Times that owners were lost with a file in flight.
    pub fn attempts(&self, file: u32) -> u32 {
        self.body.attempts.get(&file).copied().unwrap_or_default()
    }

    /// Takes a wish. Gives the request to send now, if there is one.
    pub fn wish(&mut self, wish: Wish) -> Option<Request> {
        if self.phase != Phase::Held {
            return None;
        }
        match wish {
            Wish::Renew => self.wants_write = true,
            Wish::Begin(file) => {
                self.body.in_flight.insert(file);
                self.wants_write |= self.body.is_careful();
            }
            Wish::Forget(file) => {
                self.body.in_flight.remove(&file);
            }
            Wish::Finish { file, size, outcome } => self.body.finish(file, size, *outcome),
            Wish::Release => self.wants_release = true,
        }
        self.next()
    }

    /// Takes the answer to the request under way. Gives the next request, if there is one.
    pub fn answer(&mut self, answer: Answer) -> Option<Request> {
        match (std::mem::replace(&mut self.busy, Busy::Nothing), answer) {
            (Busy::Write, Answer::Written(etag)) => self.wrote(etag),
            // Refused, perhaps because of our own write whose answer was lost before; or nobody knows.
            (Busy::Write, _) => {
                self.busy = Busy::Check;
                return Some(Request::Read);
            }
            (Busy::Check, Answer::Found(Some((there, etag)))) if self.is_ours(&there) => {
                if there.standing == Standing::Released && self.wants_release {
                    self.phase = Phase::Released;
                } else {
                    // What is there may be older than what we wrote last: the next write says the rest.
                    self.known_in_flight.clone_from(&there.in_flight);
                    self.body.counter = self.body.counter.max(there.counter);
                    self.etag = Some(etag);
                    self.wants_write |= self.body.is_careful() && there.in_flight != self.body.in_flight;
                }
            }
            // Another's, or none, or what a take-over did not replace: that is not tried again, there are other shards.
            // The write may yet arrive, and leave a claim that nobody renews: it will be taken over.
            (Busy::Check, Answer::Found(_)) => self.phase = Phase::Lost,
            (Busy::Check, _) => {
                self.busy = Busy::Check;
                return Some(Request::Read);
            }
            // Refused: they are recorded already, by us or by another who had the shard. Either is final.
            (Busy::Record, Answer::Written(_) | Answer::Refused) => self.phase = Phase::Recorded,
            // Once more: the condition keeps it from being written twice.
            (Busy::Record, _) => {}
            (Busy::Nothing, _) => {}
        }
        self.next()
    }

    fn wrote(&mut self, etag: ETag) {
        self.etag = Some(etag);
        self.known_in_flight = std::mem::take(&mut self.told_in_flight);
        if self.body.standing == Standing::Released {
            self.phase = Phase::Released;
        }
    }

    /// A write of ours, this one or an earlier one. Nobody else has this epoch.
    fn is_ours(&self, there: &Claim) -> bool {
        there.owner == self.body.owner && there.epoch == self.body.epoch
    }

    /// The next request, if none is under way and one is wanted.
    fn next(&mut self) -> Option<Request> {
        if self.busy != Busy::Nothing || self.phase != Phase::Held {
            return None;
        }
        let etag = self.etag.clone()?;
        if self.body.finished.len() == self.files as usize {
            self.busy = Busy::Record;
            return Some(Request::Record(Box::new(self.outcomes())));
        }
        if !self.wants_write && !self.wants_release {
            return None;
        }
        self.wants_write = false;
        self.body.counter += 1;
        if self.wants_release {
            self.body.standing = Standing::Released;
            self.body.in_flight.clear();
        }
        self.told_in_flight.clone_from(&self.body.in_flight);
        self.busy = Busy::Write;
        Some(Request::Write(Box::new(self.body.clone()), Some(etag)))
    }

    fn outcomes(&self) -> Done {
        Done {
            owner: self.body.owner.clone(),
            epoch: self.body.epoch,
            outcomes: self.body.finished.values().cloned().collect(),
        }
    }
}
