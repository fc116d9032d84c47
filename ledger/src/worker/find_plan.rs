//! Finds the plan or makes it: one worker makes it under a claim of its own, the others wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use verbatim_store::{Condition, Put};

use super::claim_driver::{ClaimDriver, ClaimKeys, json, read_claim};
use super::context::Worker;
use super::error::WorkerError;
use super::events::Event;
use crate::claim::machine::Phase;
use crate::claim::{Command, Machine, Standing};
use crate::objects;
use crate::plan::{Plan, make, read_plan};
use crate::shard_selection::{ClaimMonitor, Liveness};

/// First pause between two reads of the plan while another worker makes it. It grows by half each time, up to
/// a sixth of a lease.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Shard number under which the monitor observes the claim on making the plan.
const THE_PLAN: u32 = 0;

impl Worker<'_> {
    /// The plan, and whether this worker made it; `None` if the worker was reported to stop first.
    pub(super) async fn plan(&self) -> Result<Option<(Plan, bool)>, WorkerError> {
        let mut monitor = ClaimMonitor::default();
        let mut reported = false;
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(plan) = self.find().await? {
                return Ok(Some((plan, false)));
            }
            if self.drain.is_begun() {
                return Ok(None);
            }
            let seen = read_claim(self.ledger.store(), &self.ledger.plan_claim_key()).await?;
            let (owner, worker) = (self.settings.owner.as_str(), self.settings.worker.as_str());
            let first = match seen {
                None => Some(Machine::claim(1, owner, worker)),
                Some((claim, etag)) => {
                    let liveness = monitor.observe(THE_PLAN, &etag, Instant::now(), self.settings.lease);
                    (claim.standing == Standing::Released || liveness == Liveness::Dead)
                        .then(|| Machine::take_over(1, &claim, etag, owner, worker))
                }
            };
            if let Some(first) = first
                && let Some(plan) = self.make(first).await?
            {
                return Ok(Some((plan, true)));
            }
            if !std::mem::replace(&mut reported, true) {
                self.listener.on_event(&Event::WaitingForPlan);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.drain.begun() => {}
            }
            pause = (pause * 3 / 2).min(self.settings.lease / 6);
        }
    }

    async fn find(&self) -> Result<Option<Plan>, WorkerError> {
        let read = objects::read(self.ledger.store(), &self.ledger.plan_key()).await?;
        Ok(read.map(|(_, bytes)| read_plan(&bytes)).transpose()?)
    }

    /// Makes the plan, as long as this worker has the claim.
    async fn make(&self, first: (Machine, crate::claim::Request)) -> Result<Option<Plan>, WorkerError> {
        let keys = ClaimKeys { claim: self.ledger.plan_claim_key(), outcomes: String::new() };
        let mut driver =
            ClaimDriver::new(self.ledger.store(), keys, first, self.settings.max_outage, |_| Vec::new());
        while !driver.machine.is_holding() && *driver.machine.phase() == Phase::Held {
            driver.advance().await?;
        }
        // Another worker may have made it and be gone.
        if let Some(plan) = self.find().await? {
            return Ok(Some(plan));
        }
        let listed = AtomicU64::new(0);
        let progress = |now: crate::plan::Listed| {
            let objects = now.source + now.destination;
            if listed.swap(objects, Ordering::Relaxed) != objects {
                self.listener.on_event(&Event::Listed { objects });
            }
        };
        let mut renewals = tokio::time::interval(self.settings.lease / 3);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        let mut making =
            std::pin::pin!(make(&self.plan_input, &self.ledger, &self.settings.owner, &progress));
        let plan = loop {
            if !driver.machine.is_holding() {
                return Ok(None);
            }
            tokio::select! {
                plan = &mut making => break plan,
                advanced = driver.advance() => advanced?,
                _ = renewals.tick() => driver.command(Command::Renew),
                () = self.drain.begun() => {
                    self.release(&mut driver).await?;
                    return Ok(None);
                }
            }
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => {
                self.release(&mut driver).await?;
                return Err(error.into());
            }
        };
        let put: Put = json(&plan).when(Condition::Absent);
        match self.ledger.store().put(&self.ledger.plan_key(), put).await {
            Ok(_) => Ok(Some(plan)),
            // Another worker's plan, or our own with a lost answer: the stored one counts.
            Err(error) if error.is_precondition_failed() || error.is_unclear() => self.find().await,
            Err(error) => Err(error.into()),
        }
    }

    /// Gives back the claim on the plan, so that the next worker need not wait.
    async fn release(&self, driver: &mut ClaimDriver<'_>) -> Result<(), WorkerError> {
        driver.command(Command::Release);
        while *driver.machine.phase() == Phase::Held {
            driver.advance().await?;
        }
        Ok(())
    }
}
