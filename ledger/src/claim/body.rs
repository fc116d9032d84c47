//! Contents of claims and outcomes. Pure.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::outcome::{FileResult, Outcome};

/// Version of the format of claims and outcomes.
pub const VERSION: u32 = 1;

/// A claim on a shard (`claims/<shard>.json`). The counter makes the contents of every write differ, so an
/// unchanged ETag means that nobody wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Version of the format.
    pub version: u32,
    /// Owner: a random nonce for each start of a worker.
    pub owner: String,
    /// Name of the owner for people: its pod, or its machine and process.
    pub worker: String,
    /// Number of owners so far, this one included. Each epoch has one owner.
    pub epoch: u32,
    /// Number of writes so far, this one included.
    pub counter: u64,
    /// Whether the owner works on the shard.
    pub standing: Standing,
    /// Owners lost with files in flight.
    pub losses: u32,
    /// Files in flight, by position in the shard.
    pub in_flight: BTreeSet<u32>,
    /// For each file, owners lost with it alone in flight.
    pub attempts: BTreeMap<u32, u32>,
    /// Outcomes of finished files, by position in the shard.
    pub finished: BTreeMap<u32, Outcome>,
    /// Bytes of the finished files, so that a status needs no shard lists. Absent in a claim that an earlier
    /// version started or wrote to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<FinishedBytes>,
}

/// Bytes of a claim's finished files in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishedBytes {
    /// Of all finished files.
    pub all: u64,
    /// Of those whose transcripts existed.
    pub skipped: u64,
}

/// Whether the owner of a claim works on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// The owner works on the shard and renews the claim.
    Held,
    /// The owner gave the shard back: anyone may take it at once.
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

    /// Records the outcome of a file of so many bytes; the first outcome of a file stands.
    pub fn finish(&mut self, file: u32, size: u64, outcome: Outcome) {
        self.in_flight.remove(&file);
        let Entry::Vacant(entry) = self.finished.entry(file) else { return };
        if let Some(bytes) = &mut self.bytes {
            // Saturating: the sizes come from a store.
            bytes.all = bytes.all.saturating_add(size);
            if outcome.result == FileResult::Skipped {
                bytes.skipped = bytes.skipped.saturating_add(size);
            }
        }
        entry.insert(outcome);
    }

    /// The claim of a new owner. Finished files stay finished. A file that a lost owner had alone in flight
    /// is a suspect: the loss counts as an attempt at it.
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
        // Of several files in flight, any may be the cause. From now on each is alone in flight.
        if lost && self.is_careful() {
            for file in &self.in_flight {
                *next.attempts.entry(*file).or_default() += 1;
            }
        }
        next
    }

    /// Whether each file is recorded before it starts, and runs alone: an owner was lost, and its files in
    /// flight since its last renewal are unknown.
    pub fn is_careful(&self) -> bool {
        self.losses > 0
    }
}

/// Outcomes of a shard, once all files are finished.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShardOutcomes {
    /// Owner of the claim.
    pub owner: String,
    /// Epoch of the claim.
    pub epoch: u32,
    /// Outcome of each file, in the order of the shard.
    pub outcomes: Vec<Outcome>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_finished_files_are_counted_once_and_survive_a_take_over() {
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
    fn a_claim_of_an_earlier_version_stays_without_bytes() {
        let old = r#"{"version":1,"owner":"a","worker":"pod","epoch":1,"counter":3,"standing":"held","losses":0,
            "inFlight":[1],"attempts":{},"finished":{"0":{"result":"succeeded","attempts":1,"audioMilliseconds":9,
            "processingMilliseconds":1,"worker":"pod"}}}"#;
        let mut claim = serde_json::from_str::<Claim>(old).unwrap().taken_over("b", "other");
        claim.finish(1, 50, Outcome::succeeded(1, 1));
        assert_eq!((claim.finished.len(), claim.bytes), (2, None));
        assert!(!serde_json::to_string(&claim).unwrap().contains("bytes"));
    }
}
