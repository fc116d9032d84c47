//! Noise rarely changes the number of workers.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn noisy_factors_do_not_flap(seed in any::<u64>(), hours in 100.0..5_000.0) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut fixture = Fixture::new(hours, Some(10_000));
        let mut numbers = Vec::new();
        while fixture.at < 10_000.0 && fixture.job.as_ref().is_some_and(|job| job.bytes_done < job.bytes) {
            numbers.push(fixture.decide().workers);
            // Half to one and a half of the average, the same for all workers.
            fixture.pass(0.02 * random.random_range(0.5..1.5));
        }
        numbers.dedup();
        let ups: Vec<bool> = numbers.windows(2).map(|pair| pair[1] > pair[0]).collect();
        let turns = ups.windows(2).filter(|pair| pair[0] != pair[1]).count();
        prop_assert!(turns <= 3, "{numbers:?}");
    }
}
