//! Finds shards for a worker: free ones first, then those of dead owners. Ends when there is nothing left to
//! claim.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use verbatim_store::PAGE_SIZE;

use super::acquire::Origin;
use super::backlog::Backlogs;
use super::claim_driver::read_claim;
use super::context::{Shared, StopReason};
use super::error::WorkerError;
use super::events::{Event, SessionEnd};
use super::finish;
use super::session;
use crate::claim::Standing;
use crate::objects;
use crate::shard_selection::{ClaimMonitor, FreeShards, Liveness};

/// Most concurrent sessions: small shards end while the next are fetched; more would deprive idle workers.
const MAX_SESSIONS: usize = 4;

/// Most claims to read at a scan, to find out whether they were given back: idle workers must not read all
/// claims of a thousand busy ones.
const MAX_CLAIM_READS: usize = 16;

/// First pause between two scans of others' claims. It grows by half each time, up to a sixth of a lease: the
/// last worker of a short job does not wait long, and a long job's ledger is not read all the time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Claims shards for a worker.
struct ShardClaimer<'a> {
    shared: &'a Arc<Shared>,
    /// Seeded with the owner's nonce: workers choose differently, and a simulation is repeatable.
    random: StdRng,
    free_shards: FreeShards,
    monitor: ClaimMonitor,
    /// Shards whose claim was read once, to find out whether it was given back.
    read_claims: BTreeSet<u32>,
    sessions: JoinSet<Result<SessionEnd, WorkerError>>,
    backlogs: Backlogs,
}

/// Result of a scan of others' claims.
enum Scan {
    /// Every shard is finished.
    AllFinished,
    /// A shard that can be claimed.
    Claimable(u32, Origin),
    /// Live owners have all open shards.
    AllLive,
    /// Not known yet.
    Undecided,
}

/// Runs until nothing is left to do for this worker.
pub(crate) async fn run(shared: &Arc<Shared>) -> Result<StopReason, WorkerError> {
    let mut claimer = ShardClaimer {
        shared,
        random: StdRng::from_seed(Sha256::digest(&shared.settings.owner).into()),
        free_shards: FreeShards::new(shared.plan.shards.len()),
        monitor: ClaimMonitor::default(),
        read_claims: BTreeSet::new(),
        sessions: JoinSet::new(),
        backlogs: Backlogs::default(),
    };
    let end = claimer.run().await;
    if end.is_err() {
        // The running sessions give their shards back.
        shared.drain.begin();
        while claimer.sessions.join_next().await.is_some() {}
    }
    end
}

impl ShardClaimer<'_> {
    async fn run(&mut self) -> Result<StopReason, WorkerError> {
        let drain = self.shared.drain.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            if drain.is_begun() {
                while let Some(ended) = self.sessions.join_next().await {
                    Self::check_end(ended)?;
                }
                return Ok(StopReason::Drained);
            }
            if self.free_shards.has_free() && !self.backlogs.any() && self.sessions.len() < MAX_SESSIONS {
                self.claim_free().await?;
                pause = FIRST_PAUSE;
                continue;
            }
            if !self.sessions.is_empty() {
                let changed = Arc::clone(&self.backlogs.changed);
                tokio::select! {
                    Some(ended) = self.sessions.join_next() => Self::check_end(ended)?,
                    () = changed.notified() => {}
                    () = drain.begun() => {}
                }
                continue;
            }
            match self.scan_claims().await? {
                Scan::AllFinished => {
                    return finish::finish(self.shared)
                        .await
                        .map(|report| StopReason::Complete(Box::new(report)));
                }
                Scan::Claimable(shard, origin) => {
                    self.start(shard, origin).await;
                    pause = FIRST_PAUSE;
                    continue;
                }
                Scan::AllLive if !self.shared.settings.stay => return Ok(StopReason::NothingToClaim),
                Scan::AllLive | Scan::Undecided => {}
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = drain.begun() => {}
            }
            pause = (pause * 3 / 2).min(self.shared.settings.lease / 6);
        }
    }

    fn check_end(ended: Result<Result<SessionEnd, WorkerError>, JoinError>) -> Result<(), WorkerError> {
        match ended {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(died) => Err(WorkerError::TaskFailed(died.to_string())),
        }
    }

    /// Reads a page of the claims, and claims a shard that the page shows to be free.
    async fn claim_free(&mut self) -> Result<(), WorkerError> {
        let Some(from) = self.free_shards.page_start(&mut self.random) else { return Ok(()) };
        let ledger = &self.shared.ledger;
        let prefix = ledger.claim_prefix();
        let after = from.checked_sub(1).map(|before| ledger.claim_key(before));
        let page = ledger.store().list(&prefix, after.as_deref(), PAGE_SIZE).await?;
        let claimed: Vec<u32> =
            page.objects.iter().filter_map(|object| ledger.shard_of(&object.key)).collect();
        // A page that is not the last shows nothing about shards after its last key.
        let until = if page.more { claimed.last().copied().unwrap_or(from) } else { u32::MAX };
        if let Some(shard) = self.free_shards.choose(from, until, &claimed, &mut self.random) {
            self.free_shards.mark_taken(shard);
            if !self.start(shard, Origin::Free).await {
                self.shared.listener.on_event(&Event::LostRace { shard });
            }
        }
        Ok(())
    }

    /// Starts a session, and waits for the result of its claim.
    async fn start(&mut self, shard: u32, origin: Origin) -> bool {
        let (sender, mut held) = mpsc::unbounded_channel();
        let backlog = self.backlogs.register();
        self.sessions.spawn(session::run(Arc::clone(self.shared), shard, origin, backlog, sender));
        // A failed session sends nothing; its error arrives with its end.
        held.recv().await.unwrap_or(true)
    }

    /// Scans the claims of other workers.
    async fn scan_claims(&mut self) -> Result<Scan, WorkerError> {
        let ledger = &self.shared.ledger;
        let finished: BTreeSet<u32> =
            objects::shards(ledger, &ledger.outcomes_prefix()).await?.into_keys().collect();
        let all = self.shared.plan.shards.len();
        let open: Vec<u32> = (0..).take(all).filter(|shard| !finished.contains(shard)).collect();
        if open.is_empty() {
            return Ok(Scan::AllFinished);
        }
        let claims = objects::shards(ledger, &ledger.claim_prefix()).await?;
        self.monitor.retain(|shard| !finished.contains(&shard));
        let now = Instant::now();
        let (mut live, mut reads) = (0, 0);
        for shard in &open {
            let Some((etag, _)) = claims.get(shard) else { return Ok(Scan::Claimable(*shard, Origin::Free)) };
            let liveness = self.monitor.observe(*shard, etag, now, self.shared.settings.lease);
            live += usize::from(liveness == Liveness::Live);
            if liveness != Liveness::Dead && (reads == MAX_CLAIM_READS || !self.read_claims.insert(*shard)) {
                continue;
            }
            reads += 1;
            let read = read_claim(ledger.store(), &ledger.claim_key(*shard)).await?;
            match read {
                Some((claim, current))
                    if claim.standing == Standing::Released
                        || liveness == Liveness::Dead && current == *etag =>
                {
                    return Ok(Scan::Claimable(*shard, Origin::TakenOver(claim, current)));
                }
                _ => {}
            }
        }
        self.shared.listener.on_event(&Event::WaitingForOthers { open: open.len() });
        Ok(if live == open.len() { Scan::AllLive } else { Scan::Undecided })
    }
}
