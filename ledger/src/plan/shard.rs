//! Splits a plan into shards of about equal work. Pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Mean number of recordings in a shard. A shard costs at most eight requests of its own (list, claim,
/// renewals, outcomes): at most one for each of eight recordings.
const MEAN_FILES: usize = 8;

/// Largest mean size of a shard in bytes, unless it is a single recording: an hour and a half of 16 kHz PCM,
/// some minutes of work for a CPU. Few long recordings are thus spread over many workers.
const MEAN_BYTES: u64 = 192 << 20;

/// Most shards: their claims are five pages of a listing, which each worker reads repeatedly.
pub(super) const MAX_SHARDS: usize = 5000;

/// Most recordings of a shard, unless a plan has more than this for each of [`MAX_SHARDS`]: what one claim
/// withholds from other workers, and what is lost with it.
const MAX_FILES_PER_SHARD: usize = 1000;

/// Weight of a recording in addition to its bytes: two seconds of 16 kHz PCM, about the work for an empty
/// one. It spreads tiny recordings as well.
const FILE_WEIGHT: u64 = 64 << 10;

/// Most recordings of a shard in a plan of so many.
pub(super) fn max_files(files: usize) -> usize {
    MAX_FILES_PER_SHARD.max(files.div_ceil(MAX_SHARDS))
}

/// Assigns recordings of these sizes in bytes to shards, and returns the indices for each shard. The biggest
/// recording goes first, into the lightest shard so far. Shards are sorted by falling weight and their
/// recordings by falling size, so that nothing big remains for the end.
pub(super) fn split_into_shards(sizes: impl Iterator<Item = u64>) -> Vec<Vec<u32>> {
    let mut files: Vec<(Reverse<u64>, u32)> = sizes.map(Reverse).zip(0..).collect();
    files.sort_unstable();
    if files.is_empty() {
        return Vec::new();
    }
    let bytes = files.iter().fold(0_u64, |sum, (Reverse(size), _)| sum.saturating_add(*size));
    let by_bytes = usize::try_from(bytes / MEAN_BYTES).unwrap_or(usize::MAX).min(files.len());
    let count = (files.len() / MEAN_FILES).max(by_bytes).clamp(1, MAX_SHARDS);
    let most = max_files(files.len());
    let mut shards = vec![(0_u128, Vec::new()); count];
    let mut lightest: BinaryHeap<_> = (0..count).map(|shard| Reverse((0_u128, shard))).collect();
    for (Reverse(size), index) in files {
        // Full shards are not put back. `most` times `count` is at least the number of files, so one has
        // space.
        let Some(Reverse((_, at))) = lightest.pop() else { break };
        let (weight, shard) = &mut shards[at];
        *weight += u128::from(size) + u128::from(FILE_WEIGHT);
        shard.push(index);
        if shard.len() < most {
            lightest.push(Reverse((*weight, at)));
        }
    }
    // A stable sort: of equal weights, the shard that got its first recording first.
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
        split_into_shards(std::iter::repeat_n(1, files)).len()
    }

    #[test]
    fn few_long_recordings_are_spread() {
        assert_eq!(split_into_shards([1 << 30; 15].into_iter()).len(), 15);
        assert_eq!(split_into_shards([100 << 20; 15].into_iter()).len(), 7);
    }

    #[test]
    fn the_number_of_shards_grows_with_the_files() {
        assert_eq!([0, 1, 7, 15, 16, 800, 40_000, 50_000].map(count), [0, 1, 1, 1, 2, 100, 5000, 5000]);
    }

    #[test]
    fn the_biggest_goes_first_and_alone() {
        let mut sizes = vec![1 << 10; 32];
        sizes[17] = 1 << 27;
        let shards = split_into_shards(sizes.iter().copied());
        assert_eq!(shards.iter().map(Vec::len).collect::<Vec<_>>(), [1, 11, 10, 10]);
        assert_eq!(shards[0], [17]);
    }

    #[test]
    fn tiny_files_are_spread() {
        let sizes = (0..16_000).map(|index| if index < 1990 { 1 << 26 } else { 0 });
        let shards = split_into_shards(sizes);
        assert_eq!(shards.len(), 2000);
        assert!(shards.iter().all(|shard| shard.len() <= MAX_FILES_PER_SHARD));
        assert_eq!(shards.iter().map(Vec::len).sum::<usize>(), 16_000);
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_shard_and_shards_are_balanced(
            sizes in prop::collection::vec(prop_oneof![0..10_u64, 0..(1_u64 << 34)], 0..500),
        ) {
            let shards = split_into_shards(sizes.iter().copied());
            let mut all: Vec<u32> = shards.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..sizes.len() as u32).collect::<Vec<_>>());
            let weights: Vec<u64> = shards.iter().map(|shard| weight(shard, &sizes)).collect();
            prop_assert!(weights.is_sorted_by(|a, b| a >= b));
            for shard in &shards {
                prop_assert!(shard.is_sorted_by(|a, b| sizes[*a as usize] >= sizes[*b as usize]));
                // The shard was the lightest when it got its last file, so it exceeds the mean by at most
                // that file.
                let last = shard.last().map_or(0, |index| sizes[*index as usize] + FILE_WEIGHT);
                let mean = weights.iter().sum::<u64>() / shards.len() as u64;
                prop_assert!(weight(shard, &sizes) <= mean + last);
            }
            prop_assert_eq!(split_into_shards(sizes.iter().copied()), shards);
        }

        #[test]
        fn huge_sizes_do_not_overflow(sizes in prop::collection::vec(u64::MAX - 1..=u64::MAX, 1..40)) {
            prop_assert_eq!(split_into_shards(sizes.iter().copied()).iter().map(Vec::len).sum::<usize>(), sizes.len());
        }
    }
}
