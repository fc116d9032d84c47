//! The claim protocol of one worker and one shard, as a state machine: events in, requests out; no clock, no
//! I/O.
//!
//! One request is pending at a time. The caller sends it and passes its answer; commands wait meanwhile. Who
//! has the shard is decided by the store, not by the machine's view of time: see `claim.md`.

use std::collections::BTreeSet;

use verbatim_store::ETag;

use super::body::{Claim, ShardOutcomes, Standing};
use crate::outcome::Outcome;

/// A request to send. Its answer goes to [`Machine::answer`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Write the claim: if there is none, or over this version.
    WriteClaim(Box<Claim>, Option<ETag>),
    /// Read the claim.
    ReadClaim,
    /// Write the outcomes, if there are none.
    WriteOutcomes(Box<ShardOutcomes>),
}

/// Answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The write succeeded, with this version.
    Written(ETag),
    /// The write failed: the condition does not hold.
    Refused,
    /// The request failed; a write may have happened nevertheless, or may happen later.
    Unclear,
    /// The claim, if there is one.
    Found(Option<(Box<Claim>, ETag)>),
}

/// Command of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Write the claim, to show that the owner is alive and which files are in flight.
    Renew,
    /// Start a file. In a careful claim it may start once [`Machine::may_begin`] says so.
    Begin(u32),
    /// Stop a file without an outcome.
    Abandon(u32),
    /// Record the outcome of a file.
    Finish {
        /// Position in the shard.
        file: u32,
        /// Size in bytes.
        size: u64,
        /// Outcome.
        outcome: Box<Outcome>,
    },
    /// Give the shard back.
    Release,
}

/// Phase of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The machine has the shard, as far as it knows.
    Held,
    /// This or another worker recorded the outcomes: the shard is finished.
    Recorded,
    /// The machine gave the shard back.
    Released,
    /// Another worker has the shard.
    Lost,
}

/// The pending request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Pending {
    Nothing,
    /// Write of the claim.
    ClaimWrite,
    /// Read of the claim, to learn the result of a write.
    ClaimCheck,
    /// Write of the outcomes.
    OutcomesWrite,
}

/// The claim protocol of one worker and one shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    files: u32,
    /// Contents of the next write, except for the counter.
    body: Claim,
    /// Version that the machine holds; `None` before the first write succeeded.
    etag: Option<ETag>,
    /// Files in flight in the stored claim.
    stored_in_flight: BTreeSet<u32>,
    /// Files in flight in the pending write.
    written_in_flight: BTreeSet<u32>,
    pending: Pending,
    /// Whether a write is due, for a renewal or for a file that is to start.
    wants_write: bool,
    wants_release: bool,
    phase: Phase,
}

impl Machine {
    /// Claims a free shard of so many files.
    pub fn claim(files: u32, owner: &str, worker: &str) -> (Self, Request) {
        Self::begin(files, Claim::first(owner, worker), None)
    }

    /// Takes over a shard whose claim has this version, because its owner gave it back or did not renew it
    /// for a lease.
    pub fn take_over(files: u32, seen: &Claim, etag: ETag, owner: &str, worker: &str) -> (Self, Request) {
        Self::begin(files, seen.taken_over(owner, worker), Some(etag))
    }

    fn begin(files: u32, body: Claim, over: Option<ETag>) -> (Self, Request) {
        let request = Request::WriteClaim(Box::new(body.clone()), over);
        let machine = Self {
            files,
            body,
            etag: None,
            stored_in_flight: BTreeSet::new(),
            written_in_flight: BTreeSet::new(),
            pending: Pending::ClaimWrite,
            wants_write: false,
            wants_release: false,
            phase: Phase::Held,
        };
        (machine, request)
    }

    /// Current phase.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether the store has confirmed the claim at least once, and nothing has ended it.
    pub fn is_holding(&self) -> bool {
        self.etag.is_some() && self.phase == Phase::Held
    }

    /// The claim as the next write will have it.
    pub fn body(&self) -> &Claim {
        &self.body
    }

    /// Files without an outcome.
    pub fn unfinished(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.files).filter(|file| !self.body.finished.contains_key(file))
    }

    /// Whether a file may start: in a careful claim only once the store has it in flight.
    pub fn may_begin(&self, file: u32) -> bool {
        self.is_holding()
            && self.body.in_flight.contains(&file)
            && (!self.body.is_careful() || self.stored_in_flight.contains(&file))
    }

    /// Owners lost with the file in flight.
    pub fn attempts(&self, file: u32) -> u32 {
        self.body.attempts.get(&file).copied().unwrap_or_default()
    }

    /// Takes a command. Returns the request to send now, if any.
    pub fn command(&mut self, command: Command) -> Option<Request> {
        if self.phase != Phase::Held {
            return None;
        }
        match command {
            Command::Renew => self.wants_write = true,
            Command::Begin(file) => {
                self.body.in_flight.insert(file);
                self.wants_write |= self.body.is_careful();
            }
            Command::Abandon(file) => {
                self.body.in_flight.remove(&file);
            }
            Command::Finish { file, size, outcome } => self.body.finish(file, size, *outcome),
            Command::Release => self.wants_release = true,
        }
        self.next()
    }

    /// Takes the answer to the pending request. Returns the next request, if any.
    pub fn answer(&mut self, answer: Answer) -> Option<Request> {
        match (std::mem::replace(&mut self.pending, Pending::Nothing), answer) {
            (Pending::ClaimWrite, Answer::Written(etag)) => self.wrote(etag),
            // Refused, perhaps because of our own earlier write whose answer was lost; or unclear.
            (Pending::ClaimWrite, _) => {
                self.pending = Pending::ClaimCheck;
                return Some(Request::ReadClaim);
            }
            (Pending::ClaimCheck, Answer::Found(Some((stored, etag)))) if self.is_ours(&stored) => {
                if stored.standing == Standing::Released && self.wants_release {
                    self.phase = Phase::Released;
                } else {
                    // The stored claim may be older than our last write: the next write brings it up to date.
                    self.stored_in_flight.clone_from(&stored.in_flight);
                    self.body.counter = self.body.counter.max(stored.counter);
                    self.etag = Some(etag);
                    self.wants_write |= self.body.is_careful() && stored.in_flight != self.body.in_flight;
                }
            }
            // Another worker's claim, or none, or the one that the take-over did not replace. Not retried:
            // there are other shards. The write may still arrive and leave a claim that nobody renews:
            // another worker takes it over.
            (Pending::ClaimCheck, Answer::Found(_)) => self.phase = Phase::Lost,
            (Pending::ClaimCheck, _) => {
                self.pending = Pending::ClaimCheck;
                return Some(Request::ReadClaim);
            }
            // Refused: we or another owner of the shard recorded the outcomes already. Either is final.
            (Pending::OutcomesWrite, Answer::Written(_) | Answer::Refused) => self.phase = Phase::Recorded,
            // Retried: the condition prevents a second write.
            (Pending::OutcomesWrite, _) => {}
            (Pending::Nothing, _) => {}
        }
        self.next()
    }

    fn wrote(&mut self, etag: ETag) {
        self.etag = Some(etag);
        self.stored_in_flight = std::mem::take(&mut self.written_in_flight);
        if self.body.standing == Standing::Released {
            self.phase = Phase::Released;
        }
    }

    /// Whether the claim is a write of ours, this one or an earlier one. Nobody else has this epoch.
    fn is_ours(&self, stored: &Claim) -> bool {
        stored.owner == self.body.owner && stored.epoch == self.body.epoch
    }

    /// The next request, if none is pending and one is due.
    fn next(&mut self) -> Option<Request> {
        if self.pending != Pending::Nothing || self.phase != Phase::Held {
            return None;
        }
        let etag = self.etag.clone()?;
        if self.body.finished.len() == self.files as usize {
            self.pending = Pending::OutcomesWrite;
            return Some(Request::WriteOutcomes(Box::new(self.outcomes())));
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
        self.written_in_flight.clone_from(&self.body.in_flight);
        self.pending = Pending::ClaimWrite;
        Some(Request::WriteClaim(Box::new(self.body.clone()), Some(etag)))
    }

    fn outcomes(&self) -> ShardOutcomes {
        ShardOutcomes {
            owner: self.body.owner.clone(),
            epoch: self.body.epoch,
            outcomes: self.body.finished.values().cloned().collect(),
        }
    }
}
