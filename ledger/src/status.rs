//! How far a job is, read from its ledger, from anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use verbatim_crds::contract::FailureReason;
use verbatim_crds::contract::messages::LedgerPhase;
use verbatim_crds::status::MAX_FAILURES;
use verbatim_store::ETag;

use crate::claim::{Claim, FinishedBytes, Standing};
use crate::names::Ledger;
use crate::objects::{self, Version};
use crate::outcome::{Outcome, Verdict};
use crate::plan::{Plan, Shard, read_plan};
use crate::record::Line;
use crate::report::Report;
use crate::worker::{WorkerError, read_claim, read_record, read_report};

/// Requests at a time: a look at 5,000 shards takes seconds.
const AT_ONCE: usize = 16;

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// In one word.
    pub phase: LedgerPhase,
    /// Recordings, all of them.
    pub files: u64,
    /// Their transcript was made.
    pub succeeded: u64,
    /// They have none, and will have none.
    pub failed: u64,
    /// Their transcript was there already.
    pub skipped: u64,
    /// Bytes of all recordings.
    pub bytes: u64,
    /// Bytes of those that need no more work.
    pub bytes_done: u64,
    /// Of those, bytes that were no work: their transcripts were there.
    pub bytes_skipped: u64,
    /// Bytes that are probably done beyond that: half of what was claimed so lately that its claim does not tell yet.
    pub bytes_under_way: u64,
    /// Audio of the transcripts that were made, in milliseconds.
    pub audio_milliseconds: u64,
    /// Shards, all of them.
    pub shards: usize,
    /// Shards that are done.
    pub shards_done: usize,
    /// Workers that have claims.
    pub workers: usize,
    /// Failed recordings, by reason.
    pub failures_by_reason: BTreeMap<FailureReason, u64>,
    /// The last failures, of shards that are done.
    pub failures: Vec<Line>,
    /// From the plan to the last sign of life, by the store's clock.
    pub elapsed: Option<Duration>,
}

/// Looks at a job again and again, and reads only what is new.
#[derive(Debug)]
pub struct Observer {
    ledger: Ledger,
    plan: Option<(Plan, Option<SystemTime>)>,
    /// Sums of the shards that are done.
    done: Report,
    seen: BTreeSet<u32>,
    bytes_skipped: u64,
    /// The last failures by shard and place in it, as the report has them: whoever looks sees the same ones.
    failures: BTreeMap<(u32, usize), Line>,
    claims: BTreeMap<u32, (ETag, Progress)>,
}

/// What a claim says of its shard's files.
#[derive(Clone, Debug, Default)]
struct Progress {
    worker: Option<String>,
    /// Whether it was written again since the shard was claimed.
    renewed: bool,
    finished: Vec<Outcome>,
    bytes: Option<FinishedBytes>,
}

impl Observer {
    /// Nothing was seen yet.
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            plan: None,
            done: Report::default(),
            seen: BTreeSet::new(),
            bytes_skipped: 0,
            failures: BTreeMap::new(),
            claims: BTreeMap::new(),
        }
    }

    /// How far the job is now. What was read stays read when this fails, or is dropped halfway: the next look goes on from
    /// there.
    ///
    /// # Errors
    /// The store's, and a ledger that makes no sense.
    pub async fn look(&mut self) -> Result<Status, WorkerError> {
        if self.plan.is_none() {
            self.plan = self.read_plan().await?;
        }
        let Some((plan, planned)) = self.plan.clone() else { return Ok(Status::default()) };
        if let Some(report) = read_report(&self.ledger).await? {
            return Ok(complete(&plan, &report));
        }
        let dones = objects::shards(&self.ledger, &self.ledger.dones()).await?;
        let claims = objects::shards(&self.ledger, &self.ledger.claims()).await?;
        let last = dones.values().chain(claims.values()).filter_map(|(_, modified)| *modified).max();
        self.read_dones(dones.keys().copied().collect()).await?;
        self.read_claims(&claims).await?;
        let mut status = Status {
            phase: LedgerPhase::Running,
            files: plan.files,
            succeeded: self.done.files.succeeded,
            failed: self.done.files.failed,
            skipped: self.done.files.skipped,
            bytes: plan.bytes,
            bytes_done: self.done.bytes,
            bytes_skipped: self.bytes_skipped,
            audio_milliseconds: self.done.audio_milliseconds,
            shards: plan.shards.len(),
            shards_done: self.seen.len(),
            failures_by_reason: self.done.failures_by_reason.clone(),
            failures: self.failures.values().cloned().collect(),
            elapsed: planned.zip(last).and_then(|(planned, last)| last.duration_since(planned).ok()),
            ..Status::default()
        };
        let mut workers = BTreeSet::new();
        for (shard, (_, progress)) in &self.claims {
            workers.extend(progress.worker.clone());
            let Some(of) = plan.shards.get(*shard as usize) else { continue };
            for outcome in &progress.finished {
                match outcome.result {
                    Verdict::Succeeded => status.succeeded += 1,
                    Verdict::Skipped => status.skipped += 1,
                    Verdict::Failed => status.failed += 1,
                }
                if let Some(reason) = outcome.reason {
                    *status.failures_by_reason.entry(reason).or_default() += 1;
                }
                status.audio_milliseconds += outcome.audio_milliseconds;
            }
            let bytes = progress.bytes(of);
            status.bytes_done += bytes.all;
            status.bytes_skipped += bytes.skipped;
            if progress.worker.is_some() && !progress.renewed {
                status.bytes_under_way += of.bytes / 2;
            }
        }
        status.workers = workers.len();
        Ok(status)
    }

    async fn read_plan(&self) -> Result<Option<(Plan, Option<SystemTime>)>, WorkerError> {
        match objects::read(self.ledger.store(), &self.ledger.plan()).await? {
            Some((object, bytes)) => Ok(Some((read_plan(&bytes)?, object.modified))),
            None => Ok(None),
        }
    }

    async fn read_dones(&mut self, dones: BTreeSet<u32>) -> Result<(), WorkerError> {
        let new: Vec<u32> = dones.difference(&self.seen).copied().collect();
        let ledger = self.ledger.clone();
        let mut records = stream::iter(new)
            .map(|shard| {
                let ledger = &ledger;
                async move { read_record(ledger, shard).await.map(|record| (shard, record)) }
            })
            .buffer_unordered(AT_ONCE);
        while let Some((shard, record)) = records.try_next().await? {
            self.seen.insert(shard);
            for (number, line) in record.files.into_iter().enumerate() {
                self.done.add(&line);
                match line.outcome.result {
                    Verdict::Skipped => self.bytes_skipped += line.bytes,
                    Verdict::Failed => {
                        self.failures.insert((shard, number), line);
                        if self.failures.len() > MAX_FAILURES {
                            self.failures.pop_first();
                        }
                    }
                    Verdict::Succeeded => {}
                }
            }
        }
        Ok(())
    }

    /// Reads the claims of open shards that were written since the last look.
    async fn read_claims(&mut self, claims: &BTreeMap<u32, Version>) -> Result<(), WorkerError> {
        let seen = &self.seen;
        self.claims.retain(|shard, _| !seen.contains(shard) && claims.contains_key(shard));
        let is_new = |shard: &u32, etag: &ETag| {
            !seen.contains(shard) && self.claims.get(shard).is_none_or(|(known, _)| known != etag)
        };
        let new: Vec<u32> =
            claims.iter().filter(|(shard, (etag, _))| is_new(shard, etag)).map(|(shard, _)| *shard).collect();
        let ledger = self.ledger.clone();
        let mut read =
            stream::iter(new)
                .map(|shard| {
                    let ledger = &ledger;
                    async move {
                        read_claim(ledger.store(), &ledger.claim(shard)).await.map(|claim| (shard, claim))
                    }
                })
                .buffer_unordered(AT_ONCE);
        while let Some((shard, claim)) = read.try_next().await? {
            if let Some((claim, etag)) = claim {
                self.claims.insert(shard, (etag, Progress::of(*claim)));
            }
        }
        Ok(())
    }
}

impl Progress {
    fn of(claim: Claim) -> Self {
        Self {
            worker: (claim.standing == Standing::Held).then(|| claim.worker.clone()),
            renewed: claim.counter > 1,
            bytes: claim.bytes,
            finished: claim.finished.into_values().collect(),
        }
    }

    /// Bytes of the finished files.
    fn bytes(&self, of: &Shard) -> FinishedBytes {
        self.bytes.unwrap_or_else(|| {
            // A claim of an earlier version: as if all files of the shard were of one size.
            let mean = |files: usize| (of.bytes * files as u64).checked_div(of.files).unwrap_or_default();
            let skipped = self.finished.iter().filter(|outcome| outcome.result == Verdict::Skipped).count();
            FinishedBytes { all: mean(self.finished.len()), skipped: mean(skipped) }
        })
    }
}

impl Status {
    /// Files that need no more work.
    pub fn ended(&self) -> u64 {
        self.succeeded + self.failed + self.skipped
    }

    /// Time that the rest will take at the rate so far, by bytes; none before anything is done.
    pub fn left(&self, elapsed: Duration) -> Option<Duration> {
        let done = self.bytes_done + self.bytes_under_way;
        let worked = done.saturating_sub(self.bytes_skipped);
        if self.bytes_done == self.bytes_skipped {
            return None;
        }
        let rest = self.bytes.saturating_sub(done) as f64 / worked as f64;
        Duration::try_from_secs_f64(elapsed.as_secs_f64() * rest).ok()
    }
}

fn complete(plan: &Plan, report: &Report) -> Status {
    Status {
        phase: LedgerPhase::Complete,
        files: report.files.total,
        succeeded: report.files.succeeded,
        failed: report.files.failed,
        skipped: report.files.skipped,
        bytes: plan.bytes,
        bytes_done: plan.bytes,
        audio_milliseconds: report.audio_milliseconds,
        shards: plan.shards.len(),
        shards_done: plan.shards.len(),
        failures_by_reason: report.failures_by_reason.clone(),
        failures: report.failures.clone(),
        ..Status::default()
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
