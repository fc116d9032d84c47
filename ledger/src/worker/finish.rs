//! End of a job: one worker writes the report from the outcomes of all shards, and removes the claims.

use std::io::{BufWriter, Write};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use verbatim_store::{Body, Condition, ErrorKind, PAGE_SIZE, Put, StoreError};

use super::claim_driver::json;
use super::context::Shared;
use super::error::WorkerError;
use crate::keys::Ledger;
use crate::objects;
use crate::report::Report;
use crate::shard_record::ShardRecord;

/// Concurrent requests while the ledger is read or cleaned up: enough for 5,000 shards within seconds.
const CONCURRENT_REQUESTS: usize = 16;

/// Pause between two reads of the report while another worker writes it.
const PAUSE: Duration = Duration::from_millis(200);

/// Writes the report unless it exists, and removes the claims.
///
/// All remaining workers find out at the same time that every shard is finished. One reads all outcomes. The
/// others wait for a lease and then write the report themselves: it is the same, whoever writes it.
pub(crate) async fn finish(shared: &Shared) -> Result<Report, WorkerError> {
    let begun = Instant::now();
    let mut ours = None;
    loop {
        if let Some(report) = read_report(&shared.ledger).await? {
            return Ok(report);
        }
        let write = match ours {
            Some(ours) => ours,
            None => *ours.insert(claim_report(&shared.ledger, &shared.settings.owner).await?),
        };
        if write || begun.elapsed() >= shared.settings.lease {
            return write_report(shared).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Claims the report. Returns whether this worker is to write it.
async fn claim_report(ledger: &Ledger, owner: &str) -> Result<bool, WorkerError> {
    let put = json(&owner).when(Condition::Absent);
    match ledger.store().put(&ledger.report_claim_key(), put).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_precondition_failed() || error.is_unclear() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn write_report(shared: &Shared) -> Result<Report, WorkerError> {
    let (lines, report) = collect_outcomes(shared).await?;
    let ledger = &shared.ledger;
    let body = Put {
        body: Body::File(lines.to_path_buf()),
        ..Put::new("", "application/x-ndjson").when(Condition::Absent)
    };
    create(ledger, &ledger.report_lines_key(), body).await?;
    create(ledger, &ledger.report_key(), json(&report).when(Condition::Absent)).await?;
    remove_claims(ledger).await?;
    Ok(report)
}

/// The report of a job, if the job is complete.
///
/// # Errors
/// Errors of the store; [`WorkerError::Ledger`] for an invalid report.
pub async fn read_report(ledger: &Ledger) -> Result<Option<Report>, WorkerError> {
    let key = ledger.report_key();
    let Some((_, bytes)) = objects::read(ledger.store(), &key).await? else { return Ok(None) };
    parse(ledger, &key, &bytes).map(Some)
}

/// The outcomes of a shard.
pub(crate) async fn read_record(ledger: &Ledger, shard: u32) -> Result<ShardRecord, WorkerError> {
    let key = ledger.outcomes_key(shard);
    let missing = || StoreError::new(ErrorKind::NotFound, format!("there is no {}", ledger.address(&key)));
    let (_, bytes) = objects::read(ledger.store(), &key).await?.ok_or_else(missing)?;
    parse(ledger, &key, &bytes)
}

fn parse<T: DeserializeOwned>(ledger: &Ledger, key: &str, bytes: &[u8]) -> Result<T, WorkerError> {
    serde_json::from_slice(bytes)
        .map_err(|error| WorkerError::Ledger { address: ledger.address(key), why: error.to_string() })
}

/// Writes all lines to a file. Returns it with the sums.
async fn collect_outcomes(shared: &Shared) -> Result<(tempfile::TempPath, Report), WorkerError> {
    let disk = |source| {
        let folder = shared.settings.spool.clone();
        WorkerError::Spool(super::error::SpoolError::Disk { folder, source })
    };
    let file = tempfile::NamedTempFile::new_in(&shared.settings.spool).map_err(disk)?;
    let (file, path) = file.into_parts();
    let mut writer = BufWriter::new(file);
    let mut report = Report::new(&shared.plan);
    let mut records = stream::iter((0..).take(shared.plan.shards.len()))
        .map(|shard| read_record(&shared.ledger, shard))
        .buffered(CONCURRENT_REQUESTS);
    while let Some(record) = records.try_next().await? {
        for line in &record.files {
            report.add(line);
            serde_json::to_writer(&mut writer, line).map_err(|error| disk(error.into()))?;
            writer.write_all(b"\n").map_err(disk)?;
        }
    }
    writer.flush().map_err(disk)?;
    Ok((path, report))
}

/// Creates an object whose contents do not depend on the writer.
async fn create(ledger: &Ledger, key: &str, put: Put) -> Result<(), WorkerError> {
    match ledger.store().put(key, put).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_precondition_failed() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes all claims: from now on a worker that claims a shard finds its outcomes.
async fn remove_claims(ledger: &Ledger) -> Result<(), WorkerError> {
    let store = ledger.store();
    loop {
        let page = store.list(&ledger.claim_prefix(), None, PAGE_SIZE).await?;
        stream::iter(&page.objects)
            .map(|object| store.delete(&object.key))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_collect::<()>()
            .await?;
        if !page.more {
            break;
        }
    }
    store.delete(&ledger.plan_claim_key()).await?;
    Ok(store.delete(&ledger.report_claim_key()).await?)
}
