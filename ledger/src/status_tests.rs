//! The rest, as it is estimated.

use std::sync::Arc;

use verbatim_store::Put;
use verbatim_store::memory::MemoryStore;

use super::*;
use crate::place::Place;
use crate::plan;

fn left(status: Status) -> Option<u64> {
    status.left(Duration::from_secs(10)).map(|left| left.as_secs())
}

/// A job of one shard with four files of 1000 bytes in all, and this claim on it.
async fn seen(claim: &Claim) -> Status {
    let place = Place { store: Arc::new(MemoryStore::new()), prefix: "to/".to_owned() };
    let ledger = Ledger::new(place, "uid");
    let plan = Plan {
        version: plan::VERSION,
        maker: "m".to_owned(),
        files: 4,
        bytes: 1000,
        shards: vec![Shard { files: 4, bytes: 1000 }],
        left_out: plan::LeftOut::default(),
    };
    for (key, body) in [
        (ledger.plan(), serde_json::to_vec(&plan).unwrap()),
        (ledger.claim(0), serde_json::to_vec(claim).unwrap()),
    ] {
        ledger.store().put(&key, Put::new(body, "application/json")).await.unwrap();
    }
    Observer::new(ledger).look().await.unwrap()
}

fn claim() -> Claim {
    let mut claim = Claim { counter: 2, ..Claim::first("a", "pod") };
    claim.finish(0, 700, Outcome::succeeded(7, 1));
    claim.finish(1, 200, Outcome::skipped("there"));
    claim
}

#[tokio::test]
async fn bytes_of_an_open_shard_are_those_of_its_finished_files() {
    let status = seen(&claim()).await;
    assert_eq!((status.bytes_done, status.bytes_skipped, status.succeeded), (900, 200, 1));
}

#[tokio::test]
async fn a_claim_of_an_earlier_version_is_guessed_from_its_shard() {
    let status = seen(&Claim { bytes: None, ..claim() }).await;
    assert_eq!((status.bytes_done, status.bytes_skipped, status.succeeded), (500, 250, 1));
}

#[test]
fn the_rest_is_estimated_from_what_was_work() {
    let status = Status { bytes: 1_000, bytes_done: 100, ..Status::default() };
    assert_eq!(left(status.clone()), Some(90));
    // As much again is under way.
    assert_eq!(left(Status { bytes_under_way: 100, ..status.clone() }), Some(40));
    // What was skipped took no time.
    assert_eq!(left(Status { bytes_done: 600, bytes_skipped: 500, ..status.clone() }), Some(40));
    assert_eq!(left(Status { bytes_done: 500, bytes_skipped: 500, ..status }), None);
}
