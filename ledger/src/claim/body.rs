//! The bodies of claims and of outcomes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// Version of the layout of claims and outcomes.
pub const VERSION: u32 = 1;

/// A claim on a shard (`claims/<shard>.json`). No two writes have the same body: the counter sees to it, so that a tag
/// that did not change means that nobody wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Version of the layout.
    pub version: u32,
    /// Who has it: a nonce that each start of a worker draws.
    pub owner: String,
    /// The owner's name for people: its pod, or its machine and process.
    pub worker: String,
    /// Owners so far, this one included. Each has one owner.
    pub epoch: u32,
    /// Writes so far, this one included.
    pub counter: u64,
    /// Whether the owner works on it.
    pub standing: Standing,
    /// Owners that were lost with files in flight.
    pub losses: u32,
    /// Files that the owner works on, by position in the shard.
    pub in_flight: BTreeSet<u32>,
    /// Times that an owner was lost with a file in flight alone.
    pub attempts: BTreeMap<u32, u32>,
    /// What became of files, by position in the shard.
    pub finished: BTreeMap<u32, Outcome>,
}

/// Whether a claim's owner works on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It does, and renews the claim.
    Held,
    /// It gave it back: anyone may take it at once.
    Released,
}

impl Claim {
    /// The first claim on a shard.
    pub fn first(owner: &str, worker: &str) -> Self {
        Self {
            version: VERSION,
            owner: owner.to_owned(),
            worker: worker.to_owned(),
            epoch: 1,
            counter: 1,
            standing: Standing::Held,
            losses: 0,
            in_flight: BTreeSet::new(),
            attempts: BTreeMap::new(),
            finished: BTreeMap::new(),
        }
    }

    /// The claim of whoever takes this one over. What is finished stays finished. The file that a lost owner worked on
    /// alone is a suspect: it counts as an attempt at it.
    #[must_use]
    pub fn taken_over(&self, owner: &str, worker: &str) -> Self {
        let lost = self.standing == Standing::Held;
        let mut next = Self {
            owner: owner.to_owned(),
            worker: worker.to_owned(),
            epoch: self.epoch + 1,
            counter: self.counter + 1,
            standing: Standing::Held,
            losses: self.losses + u32::from(lost),
            in_flight: BTreeSet::new(),
            ..self.clone()
        };
        // In company nobody knows which of them it was. From now on they are alone.
        if lost && self.is_careful() {
            for file in &self.in_flight {
                *next.attempts.entry(*file).or_default() += 1;
            }
        }
        next
    }

    /// Whether each file has to be written down before it is begun, alone: an owner was lost, and what this one was
    /// working on since its last renewal is not known.
    pub fn is_careful(&self) -> bool {
        self.losses > 0
    }
}

/// The outcomes of a shard, as its owner has them when all files are finished.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Done {
    /// The claim's owner.
    pub owner: String,
    /// The claim's epoch.
    pub epoch: u32,
    /// What became of each file, in the order of the shard.
    pub outcomes: Vec<Outcome>,
}
