//! What a look at a job tells: its last failures, and the rest, as it is estimated.

use std::sync::Arc;

use verbatim_store::Put;
use verbatim_store::memory::MemoryStore;

use super::*;
use crate::place::Place;
use crate::plan;
use crate::record::{self, Record};

fn left(status: Status) -> Option<u64> {
    status.left(Duration::from_secs(10)).map(|left| left.as_secs())
}

/// A job of one shard with four files of 1000 bytes in all, and this claim on it.
async fn seen(claim: &Claim) -> Status {
    let ledger = planned(vec![Shard { files: 4, bytes: 1000 }]).await;
    write(&ledger, &ledger.claim(0), claim).await;
    Observer::new(ledger).look().await.unwrap()
}

/// A job with this plan.
async fn planned(shards: Vec<Shard>) -> Ledger {
    let place = Place { store: Arc::new(MemoryStore::new()), prefix: "to/".to_owned() };
    let ledger = Ledger::new(place, "uid");
    let plan = Plan {
        version: plan::VERSION,
        maker: "m".to_owned(),
        files: shards.iter().map(|shard| shard.files).sum(),
        bytes: shards.iter().map(|shard| shard.bytes).sum(),
        shards,
        left_out: plan::LeftOut::default(),
    };
    write(&ledger, &ledger.plan(), &plan).await;
    ledger
}

async fn write(ledger: &Ledger, key: &str, body: &impl Serialize) {
    let body = Put::new(serde_json::to_vec(body).unwrap(), "application/json");
    ledger.store().put(key, body).await.unwrap();
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

/// A shard of which every other recording failed.
fn record(shard: u32) -> Record {
    let line = |number: u32| Line {
        key: format!("{shard}-{number}"),
        id: None,
        bytes: 1,
        transcript: None,
        outcome: if number.is_multiple_of(2) {
            Outcome::succeeded(7, 1)
        } else {
            Outcome::failed(FailureReason::Corrupt, "damaged")
        },
    };
    Record { version: record::VERSION, owner: "o".to_owned(), epoch: 1, files: (0..16).map(line).collect() }
}

#[tokio::test]
async fn the_last_failures_are_the_report_s_in_whatever_order_shards_are_done() {
    let ledger = planned(vec![Shard { files: 16, bytes: 16 }; 4]).await;
    let mut from_the_beginning = Observer::new(ledger.clone());
    let mut told = Vec::new();
    for shard in [2, 0, 3, 1] {
        write(&ledger, &ledger.done(shard), &record(shard)).await;
        told = from_the_beginning.look().await.unwrap().failures;
        let late = Observer::new(ledger.clone()).look().await.unwrap();
        assert_eq!(told, late.failures);
        assert_eq!(late.failed.min(MAX_FAILURES as u64), told.len() as u64);
    }
    let mut report = Report::default();
    (0..4).flat_map(|shard| record(shard).files).for_each(|line| report.add(&line));
    assert_eq!(told, report.failures);
    assert_eq!((told.first().unwrap().key.as_str(), told.last().unwrap().key.as_str()), ("1-9", "3-15"));
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
