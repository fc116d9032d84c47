//! Cuts a plan into shards of about the same work. Pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Recordings of a shard, on average. A shard costs at most eight requests of its own (reading it, a claim, renewals,
/// outcomes), so that eight recordings make that at most one more request each.
const FILES: usize = 8;

/// Bytes of a shard, at most on average, unless it is one recording: an hour and a half of 16 kHz PCM, which takes a CPU some
/// minutes. Fewer and longer recordings are spread over as many workers.
const BYTES: u64 = 192 << 20;

/// Most shards: their claims are five pages of a listing, which each worker lists again and again.
pub(super) const MOST_SHARDS: usize = 5000;

/// Most recordings of a shard, unless there are more than this in each of [`MOST_SHARDS`]: what one worker holds back
/// from the others by one claim, and loses with it.
const MOST_FILES: usize = 1000;

/// What a recording weighs beside its bytes: two seconds of 16 kHz PCM, about the work that an empty one costs. So
/// tiny ones are spread as well.
const FILE_WEIGHT: u64 = 64 << 10;

/// Most recordings that a shard may have in a plan of so many.
pub(super) fn most_files(files: usize) -> usize {
    MOST_FILES.max(files.div_ceil(MOST_SHARDS))
}

/// Deals recordings out, given the size of each in bytes: the indices of each shard. The biggest goes first, into the
/// shard that weighs least so far. Shards come by falling weight, and the recordings in each by falling size, so that
/// nothing big is left for the end.
pub(super) fn cut(sizes: impl Iterator<Item = u64>) -> Vec<Vec<u32>> {
    let mut files: Vec<(Reverse<u64>, u32)> = sizes.map(Reverse).zip(0..).collect();
    files.sort_unstable();
    if files.is_empty() {
        return Vec::new();
    }
    let bytes = files.iter().fold(0_u64, |sum, (Reverse(size), _)| sum.saturating_add(*size));
    let by_bytes = usize::try_from(bytes / BYTES).unwrap_or(usize::MAX).min(files.len());
    let count = (files.len() / FILES).max(by_bytes).clamp(1, MOST_SHARDS);
    let most = most_files(files.len());
    let mut shards = vec![(0_u128, Vec::new()); count];
    let mut lightest: BinaryHeap<_> = (0..count).map(|shard| Reverse((0_u128, shard))).collect();
    for (Reverse(size), index) in files {
        // Full shards are not put back. `most` times `count` is not below the number of files: one has room.
        let Some(Reverse((_, at))) = lightest.pop() else { break };
        let (weight, shard) = &mut shards[at];
        *weight += u128::from(size) + u128::from(FILE_WEIGHT);
        shard.push(index);
        if shard.len() < most {
            lightest.push(Reverse((*weight, at)));
        }
    }
    // Sorting is stable: of the same weight, the one that got its first recording first.
    shards.sort_by_key(|(weight, _)| Reverse(*weight));
    shards.into_iter().map(|(_, files)| files).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weight(shard: &[u32], sizes: &[u64]) -> u64 {
        shard.iter().map(|index| sizes[*index as usize] + FILE_WEIGHT).sum()
    }

    fn count(files: usize) -> usize {
        cut(std::iter::repeat_n(1, files)).len()
    }

    #[test]
    fn few_long_recordings_are_spread() {
        assert_eq!(cut([1 << 30; 15].into_iter()).len(), 15);
        assert_eq!(cut([100 << 20; 15].into_iter()).len(), 7);
    }

    #[test]
    fn numbers_of_shards() {
        assert_eq!([0, 1, 7, 15, 16, 800, 40_000, 50_000].map(count), [0, 1, 1, 1, 2, 100, 5000, 5000]);
    }

    #[test]
    fn the_biggest_goes_first_and_alone() {
        let mut sizes = vec![1 << 10; 32];
        sizes[17] = 1 << 27;
        let shards = cut(sizes.iter().copied());
        assert_eq!(shards.iter().map(Vec::len).collect::<Vec<_>>(), [1, 11, 10, 10]);
        assert_eq!(shards[0], [17]);
    }

    #[test]
    fn no_shard_has_more_than_its_share_of_tiny_files() {
        let sizes = (0..16_000).map(|index| if index < 1990 { 1 << 26 } else { 0 });
        let shards = cut(sizes);
        assert_eq!(shards.len(), 2000);
        assert!(shards.iter().all(|shard| shard.len() <= MOST_FILES));
        assert_eq!(shards.iter().map(Vec::len).sum::<usize>(), 16_000);
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_shard_and_shards_are_balanced(
            sizes in prop::collection::vec(prop_oneof![0..10_u64, 0..(1_u64 << 34)], 0..500),
        ) {
            let shards = cut(sizes.iter().copied());
            let mut all: Vec<u32> = shards.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..sizes.len() as u32).collect::<Vec<_>>());
            let weights: Vec<u64> = shards.iter().map(|shard| weight(shard, &sizes)).collect();
            prop_assert!(weights.is_sorted_by(|a, b| a >= b));
            for shard in &shards {
                prop_assert!(shard.is_sorted_by(|a, b| sizes[*a as usize] >= sizes[*b as usize]));
                // Its last file went into it when it was the lightest: it is at most that file above the mean.
                let last = shard.last().map_or(0, |index| sizes[*index as usize] + FILE_WEIGHT);
                let mean = weights.iter().sum::<u64>() / shards.len() as u64;
                prop_assert!(weight(shard, &sizes) <= mean + last);
            }
            prop_assert_eq!(cut(sizes.iter().copied()), shards);
        }

        #[test]
        fn huge_sizes_are_no_harm(sizes in prop::collection::vec(u64::MAX - 1..=u64::MAX, 1..40)) {
            prop_assert_eq!(cut(sizes.iter().copied()).iter().map(Vec::len).sum::<usize>(), sizes.len());
        }
    }
}
