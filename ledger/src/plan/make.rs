//! Makes a plan: lists, decides, writes the shards.

use futures::TryStreamExt;
use futures::stream::FuturesUnordered;
use verbatim_store::Put;

use super::cut::cut;
use super::draft::{Draft, Sources, draft};
use super::error::PlanError;
use super::listing::Listed;
use super::{Plan, Shard, VERSION};
use crate::names::Ledger;

/// Shards that are written at a time: 5,000 take less than a minute with 50 ms each, and the bodies in memory are some
/// MB at most.
const WRITES_AT_ONCE: usize = 8;

/// Media type of JSON Lines.
const JSON_LINES: &str = "application/x-ndjson";

/// Makes a plan and writes its shards, below the folder of `maker`, which nobody else may use. Gives the head, which the
/// caller writes as [`Ledger::plan`] on the condition that there is none: then the shards count. The same listing gives
/// the same plan.
///
/// A plan without recordings has no shards.
///
/// # Errors
/// [`PlanError`]. Shards that were written before are left: nobody reads them.
pub async fn make(
    sources: &Sources<'_>,
    ledger: &Ledger,
    maker: &str,
    progress: &(dyn Fn(Listed) + Sync),
) -> Result<Plan, PlanError> {
    draft(sources, progress).await?.write(ledger, maker).await
}

impl Draft {
    /// Cuts the plan into shards and writes them, as [`make`] does.
    ///
    /// # Errors
    /// [`PlanError::Write`] and [`PlanError::Spool`].
    pub async fn write(&self, ledger: &Ledger, maker: &str) -> Result<Plan, PlanError> {
        let shards = cut(self.catalog.facts.iter().map(|fact| fact.size));
        let mut writes = FuturesUnordered::new();
        for (number, files) in (0..).zip(&shards) {
            if writes.len() >= WRITES_AT_ONCE {
                writes.try_next().await?;
            }
            writes.push(write_shard(ledger, ledger.shard(maker, number), self.lines(files)?));
        }
        writes.try_collect::<()>().await?;
        Ok(Plan {
            version: VERSION,
            maker: maker.to_owned(),
            files: self.files(),
            bytes: self.bytes(),
            shards: shards.iter().map(|files| self.shard(files)).collect(),
            left_out: self.left_out(),
        })
    }

    fn shard(&self, files: &[u32]) -> Shard {
        let sizes = files.iter().map(|index| self.catalog.facts[*index as usize].size);
        Shard { files: files.len() as u64, bytes: sizes.fold(0, u64::saturating_add) }
    }

    /// The lines of a shard.
    fn lines(&self, files: &[u32]) -> Result<Vec<u8>, PlanError> {
        let mut lines = Vec::new();
        for index in files {
            let file = self.catalog.file(*index)?;
            serde_json::to_writer(&mut lines, &file).map_err(|error| PlanError::Spool(error.into()))?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

async fn write_shard(ledger: &Ledger, key: String, lines: Vec<u8>) -> Result<(), PlanError> {
    let put = ledger.store().put(&key, Put::new(lines, JSON_LINES)).await;
    put.map(drop).map_err(|source| PlanError::Write { shard: ledger.address(&key), source })
}
