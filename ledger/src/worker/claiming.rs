//! How a session begins: the claim first, then the list of the shard's files.

use std::sync::Arc;

use verbatim_store::{ETag, Read};

use super::Shared;
use super::error::WorkerError;
use super::keeper::{Keeper, Keys};
use super::settings::transcript_key;
use crate::claim::machine::Phase;
use crate::claim::{Claim, Machine, Request};
use crate::plan::file::PlannedFile;
use crate::plan::read_shard_of;
use crate::record::Record;

/// How a session began.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The shard was free.
    Free,
    /// Its claim was seen in this version.
    TakenOver(Box<Claim>, ETag),
}

/// Claims a shard and fetches its files. None where another was first.
pub(super) async fn begin<'a>(
    shared: &'a Arc<Shared>,
    shard: u32,
    origin: &Origin,
) -> Result<Option<(Arc<Vec<PlannedFile>>, Keeper<'a>)>, WorkerError> {
    let (owner, worker) = (shared.settings.owner.as_str(), shared.settings.worker.as_str());
    // The plan's head says how many files there are: the claim comes first, and is for whoever gets it to read.
    let count = shared.plan.shards.get(shard as usize).map_or(0, |shard| shard.files);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let first: (Machine, Request) = match origin {
        Origin::Free => Machine::claim(count, owner, worker),
        Origin::TakenOver(seen, etag) => Machine::take_over(count, seen, etag.clone(), owner, worker),
    };
    let keys = Keys { claim: shared.ledger.claim(shard), done: shared.ledger.done(shard) };
    let files: Arc<std::sync::OnceLock<Arc<Vec<PlannedFile>>>> = Arc::default();
    let evidence = shared.settings.evidence();
    let record = {
        let files = Arc::clone(&files);
        move |done| {
            let files = files.get().cloned().unwrap_or_default();
            let record = Record::new(done, &files, |file| transcript_key(&file.target, evidence));
            // Names and numbers only, which serialise.
            serde_json::to_vec(&record).unwrap_or_default()
        }
    };
    let mut keeper = Keeper::new(shared.ledger.store(), keys, first, shared.settings.patience, record);
    while !keeper.machine.is_holding() && *keeper.machine.phase() == Phase::Held {
        keeper.turn().await?;
    }
    if !keeper.machine.is_holding() {
        return Ok(None);
    }
    let key = shared.ledger.shard(&shared.plan.maker, shard);
    let download = shared.ledger.store().get(&key, Read::default()).await?;
    let bytes = download.bytes().await?;
    let planned = Arc::new(read_shard_of(&shared.plan, shard, &bytes)?);
    // Set once, here.
    let _ = files.set(Arc::clone(&planned));
    Ok(Some((planned, keeper)))
}

/// A claim on a shard that is done already: when the job is over and claims are gone, it goes as well.
pub(super) async fn leave_nothing(shared: &Shared, shard: u32) {
    let store = shared.ledger.store();
    if store.head(&shared.ledger.report()).await.is_ok() {
        let _ = store.delete(&shared.ledger.claim(shard)).await;
    }
}
