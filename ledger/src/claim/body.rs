//! The bodies of claims and of outcomes. Pure.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, Verdict};

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
    /// Bytes of those, so that whoever looks at a job need not read its lists. None in a claim that was begun, or written
    /// to, by a version without this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<FinishedBytes>,
}

/// Bytes of a claim's finished files, in their source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishedBytes {
    /// Of all of them.
    pub all: u64,
    /// Of those whose transcripts were there already.
    pub skipped: u64,
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
            bytes: Some(FinishedBytes::default()),
        }
    }

    /// Notes what became of a file of so many bytes; the first word on it holds.
    pub fn finish(&mut self, file: u32, size: u64, outcome: Outcome) {
        self.in_flight.remove(&file);
        let Entry::Vacant(entry) = self.finished.entry(file) else { return };
        if let Some(bytes) = &mut self.bytes {
            // Saturates: sizes are what a store says.
            bytes.all = bytes.all.saturating_add(size);
            if outcome.result == Verdict::Skipped {
                bytes.skipped = bytes.skipped.saturating_add(size);
            }
        }
        entry.insert(outcome);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_finished_files_are_summed_once_and_kept() {
        let mut claim = Claim::first("a", "pod");
        claim.finish(0, 700, Outcome::succeeded(1, 1));
        claim.finish(0, 700, Outcome::succeeded(1, 1));
        claim.finish(2, 40, Outcome::skipped("there"));
        let bytes = Some(FinishedBytes { all: 740, skipped: 40 });
        assert_eq!(claim.bytes, bytes);
        assert_eq!(claim.taken_over("b", "other").bytes, bytes);
        let again: Claim = serde_json::from_str(&serde_json::to_string(&claim).unwrap()).unwrap();
        assert_eq!(again, claim);
    }

    #[test]
    fn a_claim_of_an_earlier_version_is_read_and_does_not_pretend_to_know_its_bytes() {
        let old = r#"{"version":1,"owner":"a","worker":"pod","epoch":1,"counter":3,"standing":"held","losses":0,
            "inFlight":[1],"attempts":{},"finished":{"0":{"result":"succeeded","attempts":1,"audioMilliseconds":9,
            "processingMilliseconds":1,"worker":"pod"}}}"#;
        let mut claim = serde_json::from_str::<Claim>(old).unwrap().taken_over("b", "other");
        claim.finish(1, 50, Outcome::succeeded(1, 1));
        assert_eq!((claim.finished.len(), claim.bytes), (2, None));
        assert!(!serde_json::to_string(&claim).unwrap().contains("bytes"));
    }
}
