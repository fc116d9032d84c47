//! Selection of the shard to claim next, and of claims to take over. Pure.
//!
//! To find a shard, a worker reads one page of the listing of claims, at a random position among the shards
//! that it believes to be free, and claims one that the page shows to be free. Two workers choose the same
//! shard only if they read at the same moment. No worker lists a page twice or needs to see all claims.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng, RngExt};
use tokio::time::Instant;
use verbatim_store::ETag;

/// Free shards of a page to choose from: few, so that the biggest shards start first; more than one, so that
/// workers that read the same page seldom collide.
const CANDIDATES: usize = 8;

/// A worker's knowledge of the free shards of a job. A claimed shard stays claimed until the job ends.
#[derive(Clone, Debug)]
pub struct FreeShards {
    free: Vec<bool>,
    count: usize,
}

impl FreeShards {
    /// All of so many shards may be free.
    pub fn new(shards: usize) -> Self {
        Self { free: vec![true; shards], count: shards }
    }

    /// Records that the shard is not free.
    pub fn mark_taken(&mut self, shard: u32) {
        if let Some(free) = self.free.get_mut(shard as usize)
            && std::mem::replace(free, false)
        {
            self.count -= 1;
        }
    }

    /// Whether any shard may be free.
    pub fn has_free(&self) -> bool {
        self.count > 0
    }

    fn free(&self) -> impl Iterator<Item = u32> + '_ {
        // The plan bounds the number of shards far below `u32::MAX`.
        self.free.iter().enumerate().filter(|(_, free)| **free).map(|(shard, _)| shard as u32)
    }

    /// First shard of the page to read: in the first half of those that may be free, because the biggest come
    /// first.
    pub fn page_start(&self, random: &mut impl Rng) -> Option<u32> {
        let half = self.count.div_ceil(2);
        (half > 0).then(|| random.random_range(0..half)).and_then(|at| self.free().nth(at))
    }

    /// Chooses a free shard from a page of the listing, if it has one. The page covers the shards `from` to
    /// `until`, of which those in `claimed` are claimed.
    pub fn choose(&mut self, from: u32, until: u32, claimed: &[u32], random: &mut impl Rng) -> Option<u32> {
        for shard in claimed {
            self.mark_taken(*shard);
        }
        let candidates: Vec<u32> = self
            .free()
            .skip_while(|shard| *shard < from)
            .take_while(|shard| *shard <= until)
            .take(CANDIDATES)
            .collect();
        (!candidates.is_empty()).then(|| candidates[random.random_range(0..candidates.len())])
    }
}

/// Other workers' claims under observation.
#[derive(Clone, Debug, Default)]
pub struct ClaimMonitor {
    claims: BTreeMap<u32, Observation>,
}

#[derive(Clone, Debug)]
struct Observation {
    etag: ETag,
    since: Instant,
    renewed: bool,
}

/// Liveness of an observed claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Seen in one version only so far.
    Unknown,
    /// Renewed during the observation.
    Live,
    /// Not renewed for a whole lease.
    Dead,
}

impl ClaimMonitor {
    /// Records the version of a claim at this time.
    pub fn observe(&mut self, shard: u32, etag: &ETag, now: Instant, lease: Duration) -> Liveness {
        let observation = self.claims.entry(shard).or_insert_with(|| Observation {
            etag: etag.clone(),
            since: now,
            renewed: false,
        });
        if observation.etag != *etag {
            *observation = Observation { etag: etag.clone(), since: now, renewed: true };
        }
        if now.duration_since(observation.since) >= lease {
            Liveness::Dead
        } else if observation.renewed {
            Liveness::Live
        } else {
            Liveness::Unknown
        }
    }

    /// Forgets closed shards.
    pub fn retain(&mut self, is_open: impl Fn(u32) -> bool) {
        self.claims.retain(|shard, _| is_open(*shard));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn every_shard_is_chosen_once_and_early_ones_first() {
        let mut random = StdRng::seed_from_u64(7);
        let mut free = FreeShards::new(50);
        let mut chosen = Vec::new();
        while let Some(from) = free.page_start(&mut random) {
            let shard = free.choose(from, 49, &[], &mut random).unwrap();
            free.mark_taken(shard);
            chosen.push(shard);
        }
        let early: u32 = chosen[..10].iter().sum();
        let late: u32 = chosen[40..].iter().sum();
        assert!(early < late, "{chosen:?}");
        chosen.sort_unstable();
        assert_eq!(chosen, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_shows_the_claims_of_others() {
        let mut random = StdRng::seed_from_u64(7);
        let mut free = FreeShards::new(4);
        assert_eq!(free.choose(0, 1, &[0, 1], &mut random), None);
        assert_eq!(free.choose(2, 3, &[3], &mut random), Some(2));
        free.mark_taken(2);
        assert!(!free.has_free());
        assert_eq!(free.page_start(&mut random), None);
    }

    #[test]
    fn a_claim_is_dead_if_its_etag_stays_the_same_for_a_lease() {
        let (lease, start) = (Duration::from_secs(30), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let tag = |tag: &str| ETag::new(tag);
        let mut monitor = ClaimMonitor::default();
        assert_eq!(monitor.observe(1, &tag("a"), at(0), lease), Liveness::Unknown);
        assert_eq!(monitor.observe(1, &tag("a"), at(29), lease), Liveness::Unknown);
        assert_eq!(monitor.observe(1, &tag("b"), at(29), lease), Liveness::Live);
        assert_eq!(monitor.observe(1, &tag("b"), at(58), lease), Liveness::Live);
        assert_eq!(monitor.observe(1, &tag("b"), at(59), lease), Liveness::Dead);
        monitor.retain(|_| false);
        assert_eq!(monitor.observe(1, &tag("b"), at(60), lease), Liveness::Unknown);
    }
}
