//! Which shard to claim next, and which claim to take over. Pure: what is known comes in, a choice goes out.
//!
//! A worker that looks for a shard reads one page of the listing of claims, somewhere in the shards that it believes to
//! be free, and claims one of those that the page shows to be free: two workers choose the same shard only if they read
//! at the same moment. Nothing is listed twice, and a worker never has to see all claims.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng, RngExt};
use tokio::time::Instant;
use verbatim_store::ETag;

/// Free shards of a page that a worker chooses from: few, so that the biggest go first; more than one, so that workers that
/// read the same page seldom choose the same.
const CHOICE: usize = 8;

/// What a worker knows of a job's shards. What is claimed stays claimed until the job ends.
#[derive(Clone, Debug)]
pub struct Known {
    free: Vec<bool>,
    left: usize,
}

impl Known {
    /// Nothing is known yet of so many shards: all may be free.
    pub fn new(shards: usize) -> Self {
        Self { free: vec![true; shards], left: shards }
    }

    /// The shard is not free.
    pub fn taken(&mut self, shard: u32) {
        if let Some(free) = self.free.get_mut(shard as usize)
            && std::mem::replace(free, false)
        {
            self.left -= 1;
        }
    }

    /// Whether any shard may be free.
    pub fn has_free(&self) -> bool {
        self.left > 0
    }

    fn frees(&self) -> impl Iterator<Item = u32> + '_ {
        // There are fewer shards than a u32 has numbers: the plan sees to it.
        self.free.iter().enumerate().filter(|(_, free)| **free).map(|(shard, _)| shard as u32)
    }

    /// The first shard of the page to read: one of the first half of those that may be free, since the biggest are first.
    pub fn page(&self, random: &mut impl Rng) -> Option<u32> {
        let half = self.left.div_ceil(2);
        (half > 0).then(|| random.random_range(0..half)).and_then(|at| self.frees().nth(at))
    }

    /// Takes a page of the listing that begins at `from`: the shards that are claimed there; `until` is the last shard that
    /// the page tells of. Gives the shard to claim, if one is free there.
    pub fn choose(&mut self, from: u32, until: u32, claimed: &[u32], random: &mut impl Rng) -> Option<u32> {
        for shard in claimed {
            self.taken(*shard);
        }
        let there: Vec<u32> = self
            .frees()
            .skip_while(|shard| *shard < from)
            .take_while(|shard| *shard <= until)
            .take(CHOICE)
            .collect();
        (!there.is_empty()).then(|| there[random.random_range(0..there.len())])
    }
}

/// Claims that others hold, watched for signs of life.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    seen: BTreeMap<u32, Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    etag: ETag,
    since: Instant,
    renewed: bool,
}

/// What watching shows of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Seen in one version only so far.
    Unknown,
    /// It was renewed while it was watched.
    Live,
    /// It was not renewed for a whole lease.
    Dead,
}

impl Watched {
    /// A claim was seen in this version at this time.
    pub fn see(&mut self, shard: u32, etag: &ETag, now: Instant, lease: Duration) -> Life {
        let seen =
            self.seen.entry(shard).or_insert_with(|| Seen { etag: etag.clone(), since: now, renewed: false });
        if seen.etag != *etag {
            *seen = Seen { etag: etag.clone(), since: now, renewed: true };
        }
        if now.duration_since(seen.since) >= lease {
            Life::Dead
        } else if seen.renewed {
            Life::Live
        } else {
            Life::Unknown
        }
    }

    /// Forgets all claims but these.
    pub fn keep(&mut self, is_open: impl Fn(u32) -> bool) {
        self.seen.retain(|shard, _| is_open(*shard));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn every_shard_is_chosen_once_and_the_first_before_the_last() {
        let mut random = StdRng::seed_from_u64(7);
        let mut known = Known::new(50);
        let mut chosen = Vec::new();
        while let Some(from) = known.page(&mut random) {
            let shard = known.choose(from, 49, &[], &mut random).unwrap();
            known.taken(shard);
            chosen.push(shard);
        }
        let early: u32 = chosen[..10].iter().sum();
        let late: u32 = chosen[40..].iter().sum();
        assert!(early < late, "{chosen:?}");
        chosen.sort_unstable();
        assert_eq!(chosen, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_tells_what_others_have() {
        let mut random = StdRng::seed_from_u64(7);
        let mut known = Known::new(4);
        assert_eq!(known.choose(0, 1, &[0, 1], &mut random), None);
        assert_eq!(known.choose(2, 3, &[3], &mut random), Some(2));
        known.taken(2);
        assert!(!known.has_free());
        assert_eq!(known.page(&mut random), None);
    }

    #[test]
    fn a_claim_is_dead_when_its_tag_stays_for_a_lease() {
        let (lease, start) = (Duration::from_secs(30), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let tag = |tag: &str| ETag::new(tag);
        let mut watched = Watched::default();
        assert_eq!(watched.see(1, &tag("a"), at(0), lease), Life::Unknown);
        assert_eq!(watched.see(1, &tag("a"), at(29), lease), Life::Unknown);
        assert_eq!(watched.see(1, &tag("b"), at(29), lease), Life::Live);
        assert_eq!(watched.see(1, &tag("b"), at(58), lease), Life::Live);
        assert_eq!(watched.see(1, &tag("b"), at(59), lease), Life::Dead);
        watched.keep(|_| false);
        assert_eq!(watched.see(1, &tag("b"), at(60), lease), Life::Unknown);
    }
}
