//! Tests of the scaling, one rule at a time.

mod bounds;
mod down;
mod figures;
mod hostile;
mod noise;

use std::time::Duration;

use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};
use verbatim_crds::scaling::Scaling;

use super::*;

/// Bytes per second of 16 kHz PCM.
const PCM: f64 = 32_000.0;

/// A job with identical workers and a reconcile every ten seconds.
struct Fixture {
    state: ScalingState,
    scaling: Scaling,
    job: Option<JobProgress>,
    workers: Vec<WorkerSample>,
    at: f64,
    desired: u32,
    unschedulable: u32,
}

impl Fixture {
    /// `hours` of audio in 1000 shards, a target in seconds, and 1 to 100 workers.
    fn new(hours: f64, target: Option<u32>) -> Self {
        let job = JobProgress {
            phase: LedgerPhase::Running,
            files: 8000,
            bytes: (hours * 3600.0 * PCM) as u64,
            shards: 1000,
            ..JobProgress::default()
        };
        Self {
            state: ScalingState::default(),
            scaling: Scaling { max_workers: 100, target_completion_seconds: target, ..Scaling::default() },
            job: Some(job),
            workers: Vec::new(),
            at: 0.0,
            desired: 0,
            unschedulable: 0,
        }
    }

    fn decide(&mut self) -> ScalingDecision {
        let decision = decide(
            &ScalingInput {
                now: Duration::from_secs_f64(5000.0 + self.at),
                elapsed: Duration::from_secs_f64(self.at),
                desired: self.desired,
                settled: true,
                workers: &self.workers,
                job: self.job.as_ref(),
                unschedulable: self.unschedulable,
                scaling: &self.scaling,
                deadline: None,
            },
            &mut self.state,
        );
        self.desired = decision.workers;
        decision
    }

    /// Advances by ten seconds, in which every desired worker runs at this real-time factor.
    fn pass(&mut self, factor: f64) {
        self.at += 10.0;
        self.workers.truncate(self.desired as usize);
        for index in self.workers.len()..self.desired as usize {
            self.workers.push(WorkerSample {
                name: index.to_string(),
                audio_seconds: 0.0,
                up: Duration::ZERO,
            });
        }
        for worker in &mut self.workers {
            worker.audio_seconds += 10.0 / factor;
            worker.up += Duration::from_secs(10);
        }
        if let Some(job) = &mut self.job {
            let audio = self.workers.len() as f64 * 10.0 / factor;
            job.audio_milliseconds += (audio * 1e3) as u64;
            job.bytes_done = (job.bytes_done + (audio * PCM) as u64).min(job.bytes);
            job.shards_done = job.shards * job.bytes_done / job.bytes;
        }
    }

    /// Runs for this many seconds. Returns the distinct numbers of workers in order.
    fn run(&mut self, seconds: f64, factor: f64) -> Vec<u32> {
        let end = self.at + seconds;
        let mut numbers = vec![self.desired];
        while self.at < end {
            numbers.push(self.decide().workers);
            self.pass(factor);
        }
        numbers.dedup();
        numbers
    }
}
