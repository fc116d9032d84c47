//! Makes a plan: lists, decides, writes the shards.

use futures::{StreamExt, TryStreamExt, stream};
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
        stream::iter((0..).zip(&shards))
            .map(|(number, files)| self.write_shard(ledger, maker, number, files))
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect::<()>()
            .await?;
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

    async fn write_shard(
        &self,
        ledger: &Ledger,
        maker: &str,
        number: u32,
        files: &[u32],
    ) -> Result<(), PlanError> {
        let mut body = Vec::new();
        for index in files {
            let file = self.catalog.file(*index)?;
            serde_json::to_writer(&mut body, &file).map_err(|error| PlanError::Spool(error.into()))?;
            body.push(b'\n');
        }
        let key = ledger.shard(maker, number);
        let put = ledger.store().put(&key, Put::new(body, JSON_LINES)).await;
        put.map(drop).map_err(|source| PlanError::Write { shard: ledger.address(&key), source })
    }
}
