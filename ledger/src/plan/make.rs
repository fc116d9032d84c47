//! Makes a plan and writes its shards.

use futures::TryStreamExt;
use futures::stream::FuturesUnordered;
use verbatim_store::Put;

use super::draft::{Draft, PlanInput, draft};
use super::error::PlanError;
use super::head::{Plan, Shard, VERSION};
use super::listing::Listed;
use super::shard::split_into_shards;
use crate::keys::Ledger;

/// Concurrent writes of shards: 5,000 at 50 ms each take less than a minute, and the bodies in memory are
/// some MB at most.
const WRITES_AT_ONCE: usize = 8;

/// Media type of JSON Lines.
const JSON_LINES: &str = "application/x-ndjson";

/// Makes a plan and writes its shards to the folder of `maker`, which nobody else may use. Returns the head.
/// The shards count once the caller has written the head to [`Ledger::plan_key`], on the condition that there
/// is none. The same listing gives the same plan.
///
/// A plan without recordings has no shards.
///
/// # Errors
/// [`PlanError`]. Shards written so far stay: nobody reads them.
pub async fn make(
    input: &PlanInput<'_>,
    ledger: &Ledger,
    maker: &str,
    progress: &(dyn Fn(Listed) + Sync),
) -> Result<Plan, PlanError> {
    draft(input, progress).await?.write(ledger, maker).await
}

impl Draft {
    /// Splits the plan into shards and writes them, like [`make`].
    ///
    /// # Errors
    /// [`PlanError::Write`] and [`PlanError::TemporaryFile`].
    pub async fn write(&self, ledger: &Ledger, maker: &str) -> Result<Plan, PlanError> {
        let shards = split_into_shards(self.catalog.entries.iter().map(|entry| entry.size));
        let mut writes = FuturesUnordered::new();
        for (number, files) in (0..).zip(&shards) {
            if writes.len() >= WRITES_AT_ONCE {
                writes.try_next().await?;
            }
            writes.push(write_shard(ledger, ledger.shard_key(maker, number), self.lines(files)?));
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
        let sizes = files.iter().map(|index| self.catalog.entries[*index as usize].size);
        Shard { files: files.len() as u64, bytes: sizes.fold(0, u64::saturating_add) }
    }

    /// Lines of a shard.
    fn lines(&self, files: &[u32]) -> Result<Vec<u8>, PlanError> {
        let mut lines = Vec::new();
        for index in files {
            let file = self.catalog.file(*index)?;
            serde_json::to_writer(&mut lines, &file)
                .map_err(|error| PlanError::TemporaryFile(error.into()))?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

async fn write_shard(ledger: &Ledger, key: String, lines: Vec<u8>) -> Result<(), PlanError> {
    let put = ledger.store().put(&key, Put::new(lines, JSON_LINES)).await;
    put.map(drop).map_err(|source| PlanError::Write { shard: ledger.address(&key), source })
}
