//! Session on one shard, from its claim to its outcomes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use verbatim_crds::contract::FailureReason;

use super::acquire::{Origin, acquire, remove_stray_claim};
use super::backlog::SessionBacklog;
use super::claim_driver::ClaimDriver;
use super::context::Shared;
use super::error::WorkerError;
use super::events::{AttemptResult, Event, SessionEnd};
use super::process_file::{Incomplete, process};
use super::recording_spool::SpoolPermit;
use super::timings::FileTimings;
use crate::claim::Command;
use crate::claim::machine::Phase;
use crate::outcome::Outcome;
use crate::plan::planned_file::PlannedFile;

/// A session on a claimed shard.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    shard: u32,
    files: Arc<Vec<PlannedFile>>,
    driver: ClaimDriver<'a>,
    /// Files that have not started.
    waiting: VecDeque<u32>,
    /// Pending permit for the next file.
    permit: Option<BoxFuture<'static, Option<SpoolPermit>>>,
    /// Files to start once the store has them in flight, as far as the claim is careful.
    ready: VecDeque<(u32, SpoolPermit)>,
    running: JoinSet<(u32, FileTimings, Result<Outcome, Incomplete>)>,
    backlog: SessionBacklog,
    failure: Option<WorkerError>,
}

/// Claims a shard and processes it. Sends to `held` once, whether the claim succeeded.
pub(crate) async fn run(
    shared: Arc<Shared>,
    shard: u32,
    origin: Origin,
    backlog: SessionBacklog,
    held: mpsc::UnboundedSender<bool>,
) -> Result<SessionEnd, WorkerError> {
    let ended = claim_and_work(&shared, shard, &origin, backlog, held).await;
    shared.listener.on_event(&match &ended {
        Ok(end) => Event::SessionEnded { shard, end },
        Err(error) => Event::SessionFailed { shard, error },
    });
    ended
}

async fn claim_and_work(
    shared: &Arc<Shared>,
    shard: u32,
    origin: &Origin,
    mut backlog: SessionBacklog,
    held: mpsc::UnboundedSender<bool>,
) -> Result<SessionEnd, WorkerError> {
    let begun = Instant::now();
    let Some((files, driver)) = acquire(shared, shard, origin).await? else {
        let _ = held.send(false);
        return Ok(SessionEnd::Lost);
    };
    let epoch = driver.machine.body().epoch;
    shared.listener.on_event(&Event::Claimed { shard, epoch, files: files.len(), took: begun.elapsed() });
    let _ = held.send(true);
    let store = shared.ledger.store();
    let key = shared.ledger.outcomes_key(shard);
    match store.head(&key).await {
        Ok(_) => {
            remove_stray_claim(shared, shard).await;
            return Ok(SessionEnd::Recorded);
        }
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let waiting: VecDeque<u32> = driver.machine.unfinished().collect();
    backlog.set(!waiting.is_empty());
    let mut session = Session {
        shared,
        shard,
        files,
        driver,
        waiting,
        permit: None,
        ready: VecDeque::new(),
        running: JoinSet::new(),
        backlog,
        failure: None,
    };
    session.work().await
}

impl Session<'_> {
    async fn work(&mut self) -> Result<SessionEnd, WorkerError> {
        let mut renewals = tokio::time::interval(self.shared.settings.lease / 3);
        // One renewal suffices after a long stall.
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        let drain = self.shared.drain.clone();
        loop {
            self.start_ready();
            self.backlog.set(!self.waiting.is_empty());
            match self.driver.machine.phase() {
                Phase::Held => {}
                Phase::Recorded => return Ok(self.end(SessionEnd::Recorded)),
                Phase::Released => {
                    return match self.failure.take() {
                        Some(error) => Err(error),
                        None => Ok(self.end(SessionEnd::Released)),
                    };
                }
                Phase::Lost => return Ok(self.end(SessionEnd::Lost)),
            }
            let stopping = self.failure.is_some() || drain.is_begun();
            if stopping {
                self.abandon_waiting();
                if self.running.is_empty() {
                    self.driver.command(Command::Release);
                }
            } else if self.permit.is_none() && self.may_begin_next() {
                self.request_permit();
            }
            tokio::select! {
                advanced = self.driver.advance() => if let Err(error) = advanced {
                    // Nothing can be written any more: the lease runs out.
                    return Err(self.failure.take().unwrap_or(error));
                },
                permit = wait_for_permit(&mut self.permit) => self.begin_next(permit),
                Some(ended) = self.running.join_next() => self.on_file_end(ended),
                _ = renewals.tick() => self.driver.command(Command::Renew),
                () = drain.begun(), if !stopping => {}
            }
        }
    }

    /// Whether another file may start; in a careful claim, one at a time.
    fn may_begin_next(&mut self) -> bool {
        self.fail_suspects();
        let careful = self.driver.machine.body().is_careful();
        !self.waiting.is_empty() && !(careful && (!self.running.is_empty() || !self.ready.is_empty()))
    }

    /// Fails files with which workers were lost too often.
    fn fail_suspects(&mut self) {
        while let Some(file) = self.waiting.front().copied() {
            let attempts = self.driver.machine.attempts(file);
            if attempts < self.shared.settings.max_attempts {
                return;
            }
            self.waiting.pop_front();
            let message = format!("{attempts} workers were lost with it in flight");
            let outcome = Outcome { attempts, ..Outcome::failed(FailureReason::WorkerLost, message) };
            self.finish(file, outcome);
        }
    }

    fn request_permit(&mut self) {
        let Some(file) = self.waiting.front().and_then(|file| self.files.get(*file as usize)) else { return };
        let (shared, bytes) = (Arc::clone(self.shared), file.size);
        self.permit = Some(async move { shared.spool.acquire(bytes).await }.boxed());
    }

    fn begin_next(&mut self, permit: Option<SpoolPermit>) {
        self.permit = None;
        if let (Some(permit), Some(file)) = (permit, self.waiting.pop_front()) {
            self.driver.command(Command::Begin(file));
            self.ready.push_back((file, permit));
            self.shared.listener.on_event(&self.shared.spool.usage());
        }
    }

    /// Starts the files that may start by now.
    fn start_ready(&mut self) {
        while self.ready.front().is_some_and(|(file, _)| self.driver.machine.may_begin(*file)) {
            let Some((position, permit)) = self.ready.pop_front() else { return };
            let Some(file) = self.files.get(position as usize).cloned() else { continue };
            let shared = Arc::clone(self.shared);
            let suspect = self.driver.machine.body().epoch > 1;
            self.running.spawn(async move {
                let mut timings = FileTimings::begin();
                let done = process(&shared, &file, suspect, permit, &mut timings).await;
                (position, timings, done)
            });
        }
    }

    fn on_file_end(&mut self, ended: Result<(u32, FileTimings, Result<Outcome, Incomplete>), JoinError>) {
        let (file, timings, done) = match ended {
            Ok(ended) => ended,
            Err(died) => {
                self.failure.get_or_insert(WorkerError::TaskFailed(died.to_string()));
                return;
            }
        };
        if let Some(planned) = self.files.get(file as usize) {
            let result = match &done {
                Ok(outcome) => AttemptResult::Finished(outcome),
                Err(Incomplete::Interrupted) => AttemptResult::Interrupted,
                Err(Incomplete::Failed(error)) => AttemptResult::Failed(error),
            };
            self.shared.listener.on_event(&Event::Attempted {
                shard: self.shard,
                file: planned,
                timings: &timings,
                result,
            });
        }
        match done {
            Ok(mut outcome) => {
                outcome.attempts += self.driver.machine.attempts(file);
                self.finish(file, outcome);
            }
            Err(incomplete) => {
                self.driver.command(Command::Abandon(file));
                if let Incomplete::Failed(error) = incomplete {
                    self.failure.get_or_insert(error);
                }
            }
        }
    }

    fn finish(&mut self, file: u32, mut outcome: Outcome) {
        outcome.worker.clone_from(&self.shared.settings.worker);
        let planned = self.files.get(file as usize);
        if let Some(planned) = planned {
            self.shared.listener.on_event(&Event::Finished { file: planned, outcome: &outcome });
            self.shared.listener.on_event(&self.shared.spool.usage());
        }
        let size = planned.map_or(0, |planned| planned.size);
        self.driver.command(Command::Finish { file, size, outcome: Box::new(outcome) });
    }

    fn abandon_waiting(&mut self) {
        self.permit = None;
        self.waiting.clear();
        for (file, _) in std::mem::take(&mut self.ready) {
            self.driver.command(Command::Abandon(file));
        }
    }

    fn end(&mut self, ended: SessionEnd) -> SessionEnd {
        self.running.abort_all();
        ended
    }
}

/// Waits for the pending permit; forever if there is none. Cancel-safe.
async fn wait_for_permit(
    permit: &mut Option<BoxFuture<'static, Option<SpoolPermit>>>,
) -> Option<SpoolPermit> {
    match permit {
        Some(permit) => permit.await,
        None => std::future::pending().await,
    }
}
