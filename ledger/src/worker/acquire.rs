//! Start of a session: the claim on the shard, then the list of its files.

use std::sync::Arc;

use verbatim_store::{ETag, Read};

use super::claim_driver::{ClaimDriver, ClaimKeys};
use super::context::Shared;
use super::error::WorkerError;
use crate::claim::machine::Phase;
use crate::claim::{Claim, Machine, Request};
use crate::plan::naming::transcript_key;
use crate::plan::planned_file::PlannedFile;
use crate::plan::read_shard_of;
use crate::shard_record::ShardRecord;

/// State of a shard before the session claims it.
#[derive(Debug)]
pub(crate) enum Origin {
    /// Free.
    Free,
    /// Claimed, with a claim of this version that can be taken over.
    TakenOver(Box<Claim>, ETag),
}

/// Claims a shard and reads its files. `None` if another worker was first.
pub(super) async fn acquire<'a>(
    shared: &'a Arc<Shared>,
    shard: u32,
    origin: &Origin,
) -> Result<Option<(Arc<Vec<PlannedFile>>, ClaimDriver<'a>)>, WorkerError> {
    let (owner, worker) = (shared.settings.owner.as_str(), shared.settings.worker.as_str());
    // The plan's head has the number of files: only the worker that gets the claim reads the files.
    let count = shared.plan.shards.get(shard as usize).map_or(0, |shard| shard.files);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let first: (Machine, Request) = match origin {
        Origin::Free => Machine::claim(count, owner, worker),
        Origin::TakenOver(seen, etag) => Machine::take_over(count, seen, etag.clone(), owner, worker),
    };
    let keys =
        ClaimKeys { claim: shared.ledger.claim_key(shard), outcomes: shared.ledger.outcomes_key(shard) };
    let files: Arc<std::sync::OnceLock<Arc<Vec<PlannedFile>>>> = Arc::default();
    let evidence = shared.settings.evidence();
    let record = {
        let files = Arc::clone(&files);
        move |done| {
            let files = files.get().cloned().unwrap_or_default();
            let record = ShardRecord::new(done, &files, |file| transcript_key(&file.target, evidence));
            // Consists of names and numbers, so serialisation cannot fail.
            serde_json::to_vec(&record).unwrap_or_default()
        }
    };
    let mut driver = ClaimDriver::new(shared.ledger.store(), keys, first, shared.settings.max_outage, record);
    while !driver.machine.is_holding() && *driver.machine.phase() == Phase::Held {
        driver.advance().await?;
    }
    if !driver.machine.is_holding() {
        return Ok(None);
    }
    let key = shared.ledger.shard_key(&shared.plan.maker, shard);
    let download = shared.ledger.store().get(&key, Read::default()).await?;
    let bytes = download.bytes().await?;
    let planned = Arc::new(read_shard_of(&shared.plan, shard, &bytes)?);
    // The only place that sets it.
    let _ = files.set(Arc::clone(&planned));
    Ok(Some((planned, driver)))
}

/// Removes the claim on a finished shard if the job is complete and all other claims are removed.
pub(super) async fn remove_stray_claim(shared: &Shared, shard: u32) {
    let store = shared.ledger.store();
    if store.head(&shared.ledger.report_key()).await.is_ok() {
        let _ = store.delete(&shared.ledger.claim_key(shard)).await;
    }
}
