//! A job's recordings and shards, and the progress in its ledger.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};

use super::random::Random;
use super::scenario::Scenario;

/// Seconds between renewals of a claim, which record finished recordings in the ledger.
const RENEWAL: f64 = 10.0;
/// As the ledger's plan: mean recordings and bytes of a shard, bytes that a recording weighs besides its own,
/// largest number of shards.
const FILES: usize = 8;
const BYTES: u64 = 192 << 20;
const WEIGHT: u64 = 64 << 10;
const MOST: usize = 5000;

#[derive(Clone, Copy)]
pub(crate) struct Recording {
    pub(crate) seconds: f64,
    pub(crate) bytes: u64,
    /// Whether it is skipped.
    pub(crate) skipped: bool,
}

#[derive(Default)]
pub(crate) struct Shard {
    pub(crate) files: Vec<Recording>,
    /// Times when the first recordings were finished.
    pub(crate) finished: Vec<f64>,
    /// Time since which it is claimed.
    pub(crate) claimed: Option<f64>,
    pub(crate) free: bool,
}

pub(crate) struct Job {
    pub(crate) shards: Vec<Shard>,
    pub(crate) seconds: f64,
    /// Progress of the finished shards.
    of_done: JobProgress,
    /// Unfinished shards.
    open: Vec<usize>,
    pub(crate) free: Vec<usize>,
}

impl Job {
    pub(crate) fn new(scenario: &Scenario, random: &mut Random) -> Self {
        let mut files: Vec<Recording> = (0..scenario.files)
            .map(|_| {
                let seconds = random.log_normal(scenario.median_seconds, scenario.sigma).clamp(1.0, 36_000.0);
                let bytes =
                    (seconds * random.log_normal(scenario.bytes_a_second, scenario.codec_sigma)) as u64;
                Recording { seconds, bytes, skipped: random.chance(scenario.skipped) }
            })
            .collect();
        files.sort_by_key(|file| Reverse(file.bytes));
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let by_bytes = ((bytes / BYTES) as usize).min(files.len());
        let count = (files.len() / FILES).max(by_bytes).clamp(1, MOST);
        let mut shards: Vec<Shard> = (0..count).map(|_| Shard { free: true, ..Shard::default() }).collect();
        let mut lightest: BinaryHeap<_> = (0..count).map(|shard| Reverse((0, shard))).collect();
        for file in &files {
            let Some(Reverse((weight, at))) = lightest.pop() else { break };
            shards[at].files.push(*file);
            lightest.push(Reverse((weight + file.bytes + WEIGHT, at)));
        }
        shards.sort_by_key(|shard| Reverse(shard.files.iter().map(|file| file.bytes).sum::<u64>()));
        let seconds = files.iter().filter(|file| !file.skipped).map(|file| file.seconds).sum();
        Self {
            free: (0..shards.len()).collect(),
            shards,
            seconds,
            of_done: JobProgress {
                phase: LedgerPhase::Running,
                files: files.len() as u64,
                bytes,
                shards: count as u64,
                ..JobProgress::default()
            },
            open: (0..count).collect(),
        }
    }

    /// Claims one of the first half of the free shards, as the ledger does.
    pub(crate) fn claim(&mut self, now: f64, random: &mut Random) -> Option<usize> {
        let half = self.free.len().div_ceil(2);
        let shard = (half > 0).then(|| self.free.remove(random.below(half)))?;
        self.shards[shard].claimed = Some(now);
        self.shards[shard].free = false;
        Some(shard)
    }

    pub(crate) fn give_back(&mut self, shard: usize) {
        self.shards[shard].claimed = None;
        self.shards[shard].free = true;
        let at = self.free.partition_point(|other| *other < shard);
        self.free.insert(at, shard);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.shards.iter().all(|shard| shard.finished.len() == shard.files.len())
    }

    /// Progress as the ledger computes it.
    pub(crate) fn progress(&mut self, now: f64) -> JobProgress {
        let mut job = self.of_done.clone();
        let mut open = std::mem::take(&mut self.open);
        open.retain(|shard| {
            let shard = &self.shards[*shard];
            if shard.finished.len() < shard.files.len() {
                self.add_open(&mut job, shard, now);
                return true;
            }
            for sum in [&mut self.of_done, &mut job] {
                sum.shards_done += 1;
                add(sum, &shard.files);
            }
            false
        });
        self.open = open;
        job
    }

    fn add_open(&self, job: &mut JobProgress, shard: &Shard, now: f64) {
        let noted = match shard.claimed {
            Some(claimed) => {
                let renewed = claimed + ((now - claimed) / RENEWAL).floor() * RENEWAL;
                shard.finished.iter().filter(|at| **at <= renewed).count()
            }
            None => shard.finished.len(),
        };
        if shard.claimed.is_some_and(|claimed| now < claimed + RENEWAL) {
            let bytes: u64 = shard.files.iter().map(|file| file.bytes).sum();
            job.bytes_under_way += bytes / 2;
        }
        // A claim has the sums of its finished recordings.
        add(job, &shard.files[..noted]);
    }
}

fn add(job: &mut JobProgress, done: &[Recording]) {
    for file in done {
        job.bytes_done += file.bytes;
        if file.skipped {
            job.skipped += 1;
            job.bytes_skipped += file.bytes;
        } else {
            job.succeeded += 1;
            job.audio_milliseconds += (file.seconds * 1e3) as u64;
        }
    }
}
