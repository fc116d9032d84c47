//! The end of a job: its report is written once, from the outcomes of all shards, and claims go away.

use std::io::{BufWriter, Write};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use verbatim_store::{Body, Condition, ErrorKind, PAGE_SIZE, Put, StoreError};

use super::Shared;
use super::error::WorkerError;
use super::keeper::json;
use crate::names::Ledger;
use crate::objects;
use crate::record::Record;
use crate::report::Report;

/// Requests at a time while the ledger is read or cleaned: enough that 5,000 shards take seconds.
const AT_ONCE: usize = 16;

/// Pause between two looks for a report that another writes.
const PAUSE: Duration = Duration::from_millis(200);

/// Writes the report, unless it is there already, and removes the claims.
///
/// All workers that stay find out at the same time that every shard is done. One reads all outcomes; the others wait for a
/// lease, and then do it themselves: whoever writes it writes the same.
pub(crate) async fn finish(shared: &Shared) -> Result<Report, WorkerError> {
    let begun = Instant::now();
    let mut ours = None;
    loop {
        if let Some(report) = read_report(&shared.ledger).await? {
            return Ok(report);
        }
        let write = match ours {
            Some(ours) => ours,
            None => *ours.insert(claim(&shared.ledger, &shared.settings.owner).await?),
        };
        if write || begun.elapsed() >= shared.settings.lease {
            return write_report(shared).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether this worker is to write the report.
async fn claim(ledger: &Ledger, owner: &str) -> Result<bool, WorkerError> {
    let put = json(&owner).when(Condition::Absent);
    match ledger.store().put(&ledger.report_claim(), put).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_precondition_failed() || error.is_unclear() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn write_report(shared: &Shared) -> Result<Report, WorkerError> {
    let (lines, report) = gather(shared).await?;
    let ledger = &shared.ledger;
    let body = Put {
        body: Body::File(lines.to_path_buf()),
        ..Put::new("", "application/x-ndjson").when(Condition::Absent)
    };
    create(ledger, &ledger.report_lines(), body).await?;
    create(ledger, &ledger.report(), json(&report).when(Condition::Absent)).await?;
    clean(ledger).await?;
    Ok(report)
}

/// The sums of a job, if it is over.
///
/// # Errors
/// The store's, and a report that makes no sense.
pub async fn read_report(ledger: &Ledger) -> Result<Option<Report>, WorkerError> {
    let key = ledger.report();
    let Some((_, bytes)) = objects::read(ledger.store(), &key).await? else { return Ok(None) };
    parsed(ledger, &key, &bytes).map(Some)
}

/// The outcomes of a shard.
pub(crate) async fn read_record(ledger: &Ledger, shard: u32) -> Result<Record, WorkerError> {
    let key = ledger.done(shard);
    let missing = || StoreError::new(ErrorKind::NotFound, format!("there is no {}", ledger.address(&key)));
    let (_, bytes) = objects::read(ledger.store(), &key).await?.ok_or_else(missing)?;
    parsed(ledger, &key, &bytes)
}

fn parsed<T: DeserializeOwned>(ledger: &Ledger, key: &str, bytes: &[u8]) -> Result<T, WorkerError> {
    serde_json::from_slice(bytes)
        .map_err(|error| WorkerError::Ledger { address: ledger.address(key), why: error.to_string() })
}

/// All lines in a file, and their sums.
async fn gather(shared: &Shared) -> Result<(tempfile::TempPath, Report), WorkerError> {
    let disk = |source| {
        let folder = shared.settings.spool.clone();
        WorkerError::Spool(super::SpoolError::Disk { folder, source })
    };
    let file = tempfile::NamedTempFile::new_in(&shared.settings.spool).map_err(disk)?;
    let (file, path) = file.into_parts();
    let mut writer = BufWriter::new(file);
    let mut report = Report::new(&shared.plan);
    let mut records = stream::iter((0..).take(shared.plan.shards.len()))
        .map(|shard| read_record(&shared.ledger, shard))
        .buffered(AT_ONCE);
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

/// Writes an object that is the same whoever writes it.
async fn create(ledger: &Ledger, key: &str, put: Put) -> Result<(), WorkerError> {
    match ledger.store().put(key, put).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_precondition_failed() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes all claims. They are of no use any more: whoever claims a shard now finds its outcomes.
async fn clean(ledger: &Ledger) -> Result<(), WorkerError> {
    let store = ledger.store();
    loop {
        let page = store.list(&ledger.claims(), None, PAGE_SIZE).await?;
        stream::iter(&page.objects)
            .map(|object| store.delete(&object.key))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        if !page.more {
            break;
        }
    }
    store.delete(&ledger.plan_claim()).await?;
    Ok(store.delete(&ledger.report_claim()).await?)
}
