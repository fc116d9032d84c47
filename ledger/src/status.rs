//! Status of a job, read from its ledger on any machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures::{StreamExt, TryStreamExt, stream};
use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};
use verbatim_crds::status::MAX_FAILURES;
use verbatim_store::ETag;

use crate::claim::{Claim, FinishedBytes, Standing};
use crate::keys::Ledger;
use crate::objects::{self, Version};
use crate::outcome::{FileResult, Outcome};
use crate::plan::{Plan, Shard, read_plan};
use crate::progress;
use crate::report::Report;
use crate::shard_record::ReportLine;
use crate::worker::{WorkerError, read_claim, read_record, read_report};

/// Concurrent requests: 5,000 shards take seconds.
const CONCURRENT_REQUESTS: usize = 16;

/// Status of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobStatus {
    /// Progress as `/job` and the termination message carry it.
    pub progress: JobProgress,
    /// The last [`MAX_FAILURES`] failures of finished shards in full; `progress` has them shortened.
    pub failures: Vec<ReportLine>,
    /// Workers that hold claims.
    pub workers: usize,
    /// Time from the plan to the latest write of a claim or of outcomes, by the store's clock.
    pub elapsed: Option<Duration>,
}

/// Reads the status of a job repeatedly, and each time only objects that are new.
#[derive(Debug)]
pub struct StatusReader {
    ledger: Ledger,
    plan: Option<(Plan, Option<SystemTime>)>,
    /// Sums of the finished shards.
    finished: Report,
    finished_shards: BTreeSet<u32>,
    bytes_skipped: u64,
    /// The last failures by shard and position in it, in the report's order: all readers see the same ones.
    failures: BTreeMap<(u32, usize), ReportLine>,
    claims: BTreeMap<u32, (ETag, ClaimProgress)>,
}

/// Progress of an open shard, from its claim.
#[derive(Clone, Debug, Default)]
struct ClaimProgress {
    worker: Option<String>,
    /// Whether the claim was written again after it was acquired.
    renewed: bool,
    outcomes: Vec<Outcome>,
    bytes: Option<FinishedBytes>,
}

impl StatusReader {
    /// A reader that has read nothing yet.
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            plan: None,
            finished: Report::default(),
            finished_shards: BTreeSet::new(),
            bytes_skipped: 0,
            failures: BTreeMap::new(),
            claims: BTreeMap::new(),
        }
    }

    /// The status now. After an error, or if the future is dropped, the next call continues from what was read.
    ///
    /// # Errors
    /// Errors of the store; [`WorkerError::Ledger`] and [`WorkerError::Plan`] for invalid objects.
    pub async fn read(&mut self) -> Result<JobStatus, WorkerError> {
        if self.plan.is_none() {
            self.plan = self.read_plan().await?;
        }
        let Some((plan, planned)) = self.plan.clone() else { return Ok(JobStatus::default()) };
        if let Some(report) = read_report(&self.ledger).await? {
            return Ok(complete(&plan, report, &self.ledger));
        }
        let outcomes = objects::shards(&self.ledger, &self.ledger.outcomes_prefix()).await?;
        let claims = objects::shards(&self.ledger, &self.ledger.claim_prefix()).await?;
        let last = outcomes.values().chain(claims.values()).filter_map(|(_, modified)| *modified).max();
        self.read_outcomes(outcomes.keys().copied().collect()).await?;
        self.read_claims(&claims).await?;
        let failures: Vec<ReportLine> = self.failures.values().cloned().collect();
        let mut progress = JobProgress {
            phase: LedgerPhase::Running,
            files: plan.files,
            bytes: plan.bytes,
            bytes_skipped: self.bytes_skipped,
            shards: plan.shards.len() as u64,
            shards_done: self.finished_shards.len() as u64,
            failures: progress::failures(&failures),
            ..progress::sums(&self.finished)
        };
        let mut workers = BTreeSet::new();
        for (shard, (_, claim)) in &self.claims {
            workers.extend(claim.worker.clone());
            if let Some(shard) = plan.shards.get(*shard as usize) {
                claim.add_to(&mut progress, shard);
            }
        }
        let elapsed = planned.zip(last).and_then(|(planned, last)| last.duration_since(planned).ok());
        Ok(JobStatus { progress, failures, workers: workers.len(), elapsed })
    }

    async fn read_plan(&self) -> Result<Option<(Plan, Option<SystemTime>)>, WorkerError> {
        match objects::read(self.ledger.store(), &self.ledger.plan_key()).await? {
            Some((object, bytes)) => Ok(Some((read_plan(&bytes)?, object.modified))),
            None => Ok(None),
        }
    }

    async fn read_outcomes(&mut self, shards: BTreeSet<u32>) -> Result<(), WorkerError> {
        let new: Vec<u32> = shards.difference(&self.finished_shards).copied().collect();
        let ledger = self.ledger.clone();
        let mut records = stream::iter(new)
            .map(|shard| {
                let ledger = &ledger;
                async move { read_record(ledger, shard).await.map(|record| (shard, record)) }
            })
            .buffer_unordered(CONCURRENT_REQUESTS);
        while let Some((shard, record)) = records.try_next().await? {
            self.finished_shards.insert(shard);
            for (number, line) in record.files.into_iter().enumerate() {
                self.finished.add(&line);
                match line.outcome.result {
                    FileResult::Skipped => self.bytes_skipped += line.bytes,
                    FileResult::Failed => {
                        self.failures.insert((shard, number), line);
                        if self.failures.len() > MAX_FAILURES {
                            self.failures.pop_first();
                        }
                    }
                    FileResult::Succeeded => {}
                }
            }
        }
        Ok(())
    }

    /// Reads the claims of open shards that changed since the last call.
    async fn read_claims(&mut self, claims: &BTreeMap<u32, Version>) -> Result<(), WorkerError> {
        let finished = &self.finished_shards;
        self.claims.retain(|shard, _| !finished.contains(shard) && claims.contains_key(shard));
        let is_new = |shard: &u32, etag: &ETag| {
            !finished.contains(shard) && self.claims.get(shard).is_none_or(|(known, _)| known != etag)
        };
        let new: Vec<u32> =
            claims.iter().filter(|(shard, (etag, _))| is_new(shard, etag)).map(|(shard, _)| *shard).collect();
        let ledger = self.ledger.clone();
        let mut read = stream::iter(new)
            .map(|shard| {
                let ledger = &ledger;
                async move {
                    read_claim(ledger.store(), &ledger.claim_key(shard)).await.map(|claim| (shard, claim))
                }
            })
            .buffer_unordered(CONCURRENT_REQUESTS);
        while let Some((shard, claim)) = read.try_next().await? {
            if let Some((claim, etag)) = claim {
                self.claims.insert(shard, (etag, ClaimProgress::new(*claim)));
            }
        }
        Ok(())
    }
}

impl ClaimProgress {
    fn new(claim: Claim) -> Self {
        Self {
            worker: (claim.standing == Standing::Held).then(|| claim.worker.clone()),
            renewed: claim.counter > 1,
            bytes: claim.bytes,
            outcomes: claim.finished.into_values().collect(),
        }
    }

    fn add_to(&self, progress: &mut JobProgress, shard: &Shard) {
        for outcome in &self.outcomes {
            match outcome.result {
                FileResult::Succeeded => progress.succeeded += 1,
                FileResult::Skipped => progress.skipped += 1,
                FileResult::Failed => progress.failed += 1,
            }
            if let Some(reason) = outcome.reason {
                *progress.failures_by_reason.entry(reason.as_str().to_owned()).or_default() += 1;
            }
            progress.audio_milliseconds += outcome.audio_milliseconds;
        }
        let bytes = self.bytes(shard);
        progress.bytes_done += bytes.all;
        progress.bytes_skipped += bytes.skipped;
        if self.worker.is_some() && !self.renewed {
            progress.bytes_under_way += shard.bytes / 2;
        }
    }

    /// Bytes of the finished files.
    fn bytes(&self, shard: &Shard) -> FinishedBytes {
        self.bytes.unwrap_or_else(|| {
            // A claim of an earlier version lacks them: estimated as if all files of the shard had the same size.
            let mean =
                |files: usize| (shard.bytes * files as u64).checked_div(shard.files).unwrap_or_default();
            let skipped =
                self.outcomes.iter().filter(|outcome| outcome.result == FileResult::Skipped).count();
            FinishedBytes { all: mean(self.outcomes.len()), skipped: mean(skipped) }
        })
    }
}

impl JobStatus {
    /// Estimate of the remaining time, from the bytes processed per second so far; `None` before any were processed.
    pub fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let JobProgress { bytes, bytes_done, bytes_skipped, bytes_under_way, .. } = self.progress;
        let done = bytes_done + bytes_under_way;
        let processed = done.saturating_sub(bytes_skipped);
        if bytes_done == bytes_skipped {
            return None;
        }
        let rest = bytes.saturating_sub(done) as f64 / processed as f64;
        Duration::try_from_secs_f64(elapsed.as_secs_f64() * rest).ok()
    }

    /// JSON of `verbatim status --json`: the progress with its failures in full, the workers and the elapsed time.
    pub fn json(&self) -> serde_json::Value {
        let progress = JobProgress { failures: Vec::new(), report: None, ..self.progress.clone() };
        let mut json = serde_json::json!(progress);
        json["failures"] = serde_json::json!(self.failures);
        json["workers"] = self.workers.into();
        json["elapsed"] = serde_json::json!(self.elapsed);
        json
    }
}

fn complete(plan: &Plan, report: Report, ledger: &Ledger) -> JobStatus {
    let shards = plan.shards.len() as u64;
    let progress = JobProgress { shards, shards_done: shards, ..progress::from_report(&report, ledger) };
    JobStatus { progress, failures: report.failures, ..JobStatus::default() }
}

#[cfg(test)]
mod tests;
