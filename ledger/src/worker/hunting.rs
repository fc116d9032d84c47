//! Looks for shards: free ones first, then those whose owners are gone; leaves when there is nothing for it.

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

use super::claiming::Origin;
use super::error::WorkerError;
use super::finish;
use super::keeper::read_claim;
use super::session::{self, Ended};
use super::watch::Event;
use super::{Left, Loads, Shared};
use crate::claim::Standing;
use crate::hunt::{Known, Life, Watched};
use crate::objects;

/// Shards that a worker has at once, at most: small ones end while the next are fetched, and more would be taken from others
/// who have nothing.
const SHARDS_AT_ONCE: usize = 4;

/// Claims that are read at each look, at most, to see whether they were given back: a thousand workers with claims of their
/// own are not all asked by everyone who has none.
const READS: usize = 16;

/// First pause between two looks at what others have; it grows by half each time, up to a sixth of a lease: the last worker
/// of a short job is not kept waiting, and a long job's ledger is not read all the time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A worker that looks for shards.
struct Hunter<'a> {
    shared: &'a Arc<Shared>,
    /// Drawn from the owner's nonce: no two workers choose alike, and a simulation can be repeated.
    random: StdRng,
    known: Known,
    watched: Watched,
    /// Shards whose claim was read once, to see whether it was given back.
    looked_at: BTreeSet<u32>,
    sessions: JoinSet<Result<Ended, WorkerError>>,
    loads: Loads,
}

/// What a look at what others have shows.
enum Tail {
    /// Every shard is done.
    AllDone,
    /// This shard can be taken.
    Take(u32, Origin),
    /// Others work on all that is left.
    AllLive,
    /// It is not clear yet.
    Unknown,
}

/// Works until nothing is left to do for this worker.
pub(crate) async fn hunt(shared: &Arc<Shared>) -> Result<Left, WorkerError> {
    let mut hunter = Hunter {
        shared,
        random: StdRng::from_seed(Sha256::digest(&shared.settings.owner).into()),
        known: Known::new(shared.plan.shards.len()),
        watched: Watched::default(),
        looked_at: BTreeSet::new(),
        sessions: JoinSet::new(),
        loads: Loads::default(),
    };
    let left = hunter.hunt().await;
    if left.is_err() {
        // What runs gives its shards back.
        shared.drain.begin();
        while hunter.sessions.join_next().await.is_some() {}
    }
    left
}

impl Hunter<'_> {
    async fn hunt(&mut self) -> Result<Left, WorkerError> {
        let drain = self.shared.drain.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            if drain.is_begun() {
                while let Some(ended) = self.sessions.join_next().await {
                    Self::hear(ended)?;
                }
                return Ok(Left::Drained);
            }
            if self.known.has_free() && !self.loads.any() && self.sessions.len() < SHARDS_AT_ONCE {
                self.claim_free().await?;
                pause = FIRST_PAUSE;
                continue;
            }
            if !self.sessions.is_empty() {
                let changed = Arc::clone(&self.loads.changed);
                tokio::select! {
                    Some(ended) = self.sessions.join_next() => Self::hear(ended)?,
                    () = changed.notified() => {}
                    () = drain.begun() => {}
                }
                continue;
            }
            match self.look().await? {
                Tail::AllDone => {
                    return finish::finish(self.shared).await.map(|report| Left::Complete(Box::new(report)));
                }
                Tail::Take(shard, origin) => {
                    self.start(shard, origin).await;
                    pause = FIRST_PAUSE;
                    continue;
                }
                Tail::AllLive if !self.shared.settings.stay => return Ok(Left::NothingToClaim),
                Tail::AllLive | Tail::Unknown => {}
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = drain.begun() => {}
            }
            pause = (pause * 3 / 2).min(self.shared.settings.lease / 6);
        }
    }

    fn hear(ended: Result<Result<Ended, WorkerError>, JoinError>) -> Result<(), WorkerError> {
        match ended {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(died) => Err(WorkerError::Died(died.to_string())),
        }
    }

    /// Reads a page of the claims, and claims a shard that is free there.
    async fn claim_free(&mut self) -> Result<(), WorkerError> {
        let Some(from) = self.known.page(&mut self.random) else { return Ok(()) };
        let ledger = &self.shared.ledger;
        let prefix = ledger.claims();
        let after = from.checked_sub(1).map(|before| ledger.claim(before));
        let page = ledger.store().list(&prefix, after.as_deref(), PAGE_SIZE).await?;
        let claimed: Vec<u32> =
            page.objects.iter().filter_map(|object| ledger.shard_of(&object.key)).collect();
        // A page that is not the last tells nothing of what comes after its last key.
        let until = if page.more { claimed.last().copied().unwrap_or(from) } else { u32::MAX };
        if let Some(shard) = self.known.choose(from, until, &claimed, &mut self.random) {
            self.known.taken(shard);
            if !self.start(shard, Origin::Free).await {
                self.shared.watch.hear(&Event::Beaten { shard });
            }
        }
        Ok(())
    }

    /// Starts a session, and waits until it is known whether the claim was had.
    async fn start(&mut self, shard: u32, origin: Origin) -> bool {
        let (sender, mut held) = mpsc::unbounded_channel();
        let load = self.loads.one();
        self.sessions.spawn(session::run(Arc::clone(self.shared), shard, origin, load, sender));
        // Nothing is said where the session has failed; it is heard with its end.
        held.recv().await.unwrap_or(true)
    }

    /// Looks at what others have.
    async fn look(&mut self) -> Result<Tail, WorkerError> {
        let ledger = &self.shared.ledger;
        let done: BTreeSet<u32> = objects::shards(ledger, &ledger.dones()).await?.into_keys().collect();
        let all = self.shared.plan.shards.len();
        let open: Vec<u32> = (0..).take(all).filter(|shard| !done.contains(shard)).collect();
        if open.is_empty() {
            return Ok(Tail::AllDone);
        }
        let claims = objects::shards(ledger, &ledger.claims()).await?;
        self.watched.keep(|shard| !done.contains(&shard));
        let now = Instant::now();
        let (mut live, mut reads) = (0, 0);
        for shard in &open {
            let Some((etag, _)) = claims.get(shard) else { return Ok(Tail::Take(*shard, Origin::Free)) };
            let life = self.watched.see(*shard, etag, now, self.shared.settings.lease);
            live += usize::from(life == Life::Live);
            if life != Life::Dead && (reads == READS || !self.looked_at.insert(*shard)) {
                continue;
            }
            reads += 1;
            let read = read_claim(ledger.store(), &ledger.claim(*shard)).await?;
            match read {
                Some((claim, there))
                    if claim.standing == Standing::Released || life == Life::Dead && there == *etag =>
                {
                    return Ok(Tail::Take(*shard, Origin::TakenOver(claim, there)));
                }
                _ => {}
            }
        }
        self.shared.watch.hear(&Event::Waits { open: open.len() });
        Ok(if live == open.len() { Tail::AllLive } else { Tail::Unknown })
    }
}
