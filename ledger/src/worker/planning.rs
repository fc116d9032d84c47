//! Finds the plan, or makes it: one worker does, under a claim of its own, and the others wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use verbatim_store::{Condition, Put};

use super::Worker;
use super::error::WorkerError;
use super::keeper::{Keeper, Keys, json, read_claim};
use super::watch::Event;
use crate::claim::machine::Phase;
use crate::claim::{Machine, Standing, Wish};
use crate::hunt::{Life, Watched};
use crate::objects;
use crate::plan::{Plan, make, read_plan};

/// First pause between two looks for a plan that another makes; it grows by half each time, up to a sixth of a lease.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The claim on making the plan stands alone; it is watched as if it were this shard's.
const THE_PLAN: u32 = 0;

impl Worker<'_> {
    /// The job's plan, and whether this worker made it; none when the worker is to stop before there is one.
    pub(super) async fn plan(&self) -> Result<Option<(Plan, bool)>, WorkerError> {
        let mut watched = Watched::default();
        let mut told = false;
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(plan) = self.find().await? {
                return Ok(Some((plan, false)));
            }
            if self.drain.is_begun() {
                return Ok(None);
            }
            let seen = read_claim(self.ledger.store(), &self.ledger.plan_claim()).await?;
            let (owner, worker) = (self.settings.owner.as_str(), self.settings.worker.as_str());
            let first = match seen {
                None => Some(Machine::claim(1, owner, worker)),
                Some((claim, etag)) => {
                    let life = watched.see(THE_PLAN, &etag, Instant::now(), self.settings.lease);
                    (claim.standing == Standing::Released || life == Life::Dead)
                        .then(|| Machine::take_over(1, &claim, etag, owner, worker))
                }
            };
            if let Some(first) = first
                && let Some(plan) = self.make(first).await?
            {
                return Ok(Some((plan, true)));
            }
            if !std::mem::replace(&mut told, true) {
                self.watch.hear(&Event::WaitsForPlan);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.drain.begun() => {}
            }
            pause = (pause * 3 / 2).min(self.settings.lease / 6);
        }
    }

    async fn find(&self) -> Result<Option<Plan>, WorkerError> {
        let read = objects::read(self.ledger.store(), &self.ledger.plan()).await?;
        Ok(read.map(|(_, bytes)| read_plan(&bytes)).transpose()?)
    }

    /// Makes the plan, if the claim is had and kept.
    async fn make(&self, first: (Machine, crate::claim::Request)) -> Result<Option<Plan>, WorkerError> {
        let keys = Keys { claim: self.ledger.plan_claim(), done: String::new() };
        let mut keeper =
            Keeper::new(self.ledger.store(), keys, first, self.settings.patience, |_| Vec::new());
        while !keeper.machine.is_holding() && *keeper.machine.phase() == Phase::Held {
            keeper.turn().await?;
        }
        // Another may have made it and be gone.
        if let Some(plan) = self.find().await? {
            return Ok(Some(plan));
        }
        let listed = AtomicU64::new(0);
        let progress = |now: crate::plan::Listed| {
            let objects = now.source + now.destination;
            if listed.swap(objects, Ordering::Relaxed) != objects {
                self.watch.hear(&Event::Listed { objects });
            }
        };
        let mut renewals = tokio::time::interval(self.settings.lease / 3);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        let mut making = std::pin::pin!(make(&self.sources, &self.ledger, &self.settings.owner, &progress));
        let plan = loop {
            if !keeper.machine.is_holding() {
                return Ok(None);
            }
            tokio::select! {
                plan = &mut making => break plan,
                turn = keeper.turn() => turn?,
                _ = renewals.tick() => keeper.wish(Wish::Renew),
                () = self.drain.begun() => {
                    self.release(&mut keeper).await?;
                    return Ok(None);
                }
            }
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => {
                self.release(&mut keeper).await?;
                return Err(error.into());
            }
        };
        let put: Put = json(&plan).when(Condition::Absent);
        match self.ledger.store().put(&self.ledger.plan(), put).await {
            Ok(_) => Ok(Some(plan)),
            // Another's, or our own whose answer was lost: what is there is the plan.
            Err(error) if error.is_precondition_failed() || error.is_unclear() => self.find().await,
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the claim on the plan back, so that the next worker need not wait.
    async fn release(&self, keeper: &mut Keeper<'_>) -> Result<(), WorkerError> {
        keeper.wish(Wish::Release);
        while *keeper.machine.phase() == Phase::Held {
            keeper.turn().await?;
        }
        Ok(())
    }
}
