//! Status of a job: its last failures, and its estimates.

use std::sync::Arc;

use serde::Serialize;
use verbatim_crds::contract::FailureReason;
use verbatim_store::Put;
use verbatim_store::memory::MemoryStore;

use super::*;
use crate::plan;
use crate::shard_record::{self, ShardRecord};
use crate::store_location::StoreLocation;

fn seconds_left(progress: JobProgress) -> Option<u64> {
    let status = JobStatus { progress, ..JobStatus::default() };
    status.time_left(Duration::from_secs(10)).map(|left| left.as_secs())
}

/// Progress of a job with one shard of four files of 1000 bytes in all, and this claim on it.
async fn read(claim: &Claim) -> JobProgress {
    let ledger = planned(vec![Shard { files: 4, bytes: 1000 }]).await;
    write(&ledger, &ledger.claim_key(0), claim).await;
    StatusReader::new(ledger).read().await.unwrap().progress
}

/// The ledger of a job with these shards.
async fn planned(shards: Vec<Shard>) -> Ledger {
    let location = StoreLocation { store: Arc::new(MemoryStore::new()), prefix: "to/".to_owned() };
    let ledger = Ledger::new(location, "uid");
    let plan = Plan {
        version: plan::VERSION,
        maker: "m".to_owned(),
        files: shards.iter().map(|shard| shard.files).sum(),
        bytes: shards.iter().map(|shard| shard.bytes).sum(),
        shards,
        left_out: plan::LeftOut::default(),
    };
    write(&ledger, &ledger.plan_key(), &plan).await;
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
    let progress = read(&claim()).await;
    assert_eq!((progress.bytes_done, progress.bytes_skipped, progress.succeeded), (900, 200, 1));
}

#[tokio::test]
async fn bytes_of_a_claim_of_an_earlier_version_are_estimated_from_its_shard() {
    let progress = read(&Claim { bytes: None, ..claim() }).await;
    assert_eq!((progress.bytes_done, progress.bytes_skipped, progress.succeeded), (500, 250, 1));
}

/// A shard in which every other recording failed.
fn record(shard: u32) -> ShardRecord {
    let line = |number: u32| ReportLine {
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
    ShardRecord {
        version: shard_record::VERSION,
        owner: "o".to_owned(),
        epoch: 1,
        files: (0..16).map(line).collect(),
    }
}

#[tokio::test]
async fn the_last_failures_are_those_of_the_report_in_any_order_of_shards() {
    let ledger = planned(vec![Shard { files: 16, bytes: 16 }; 4]).await;
    let mut from_the_beginning = StatusReader::new(ledger.clone());
    let mut told = Vec::new();
    for shard in [2, 0, 3, 1] {
        write(&ledger, &ledger.outcomes_key(shard), &record(shard)).await;
        told = from_the_beginning.read().await.unwrap().failures;
        let late = StatusReader::new(ledger.clone()).read().await.unwrap();
        assert_eq!(told, late.failures);
        assert_eq!(late.progress.failed.min(MAX_FAILURES as u64), told.len() as u64);
    }
    let mut report = Report::default();
    (0..4).flat_map(|shard| record(shard).files).for_each(|line| report.add(&line));
    assert_eq!(told, report.failures);
    assert_eq!((told.first().unwrap().key.as_str(), told.last().unwrap().key.as_str()), ("1-9", "3-15"));
}

#[test]
fn the_time_left_is_estimated_without_skipped_files() {
    let progress = JobProgress { bytes: 1_000, bytes_done: 100, ..JobProgress::default() };
    assert_eq!(seconds_left(progress.clone()), Some(90));
    // As much again is in progress.
    assert_eq!(seconds_left(JobProgress { bytes_under_way: 100, ..progress.clone() }), Some(40));
    // Skipped files took no time.
    let skipped = |bytes_done| JobProgress { bytes_done, bytes_skipped: 500, ..progress.clone() };
    assert_eq!(seconds_left(skipped(600)), Some(40));
    assert_eq!(seconds_left(skipped(500)), None);
}
