//! Theil-Sen estimator: the slope of a line through points, robust against outliers and steps. Takes groups
//! of points; gives the median slope of all pairs, with its 95 % confidence interval.
//!
//! - H. Theil, "A rank-invariant method of linear and polynomial regression analysis", Proceedings of the
//!   Koninklijke Nederlandse Akademie van Wetenschappen 53 (1950): the estimate. Up to 29 % of the points may
//!   be arbitrary.
//! - P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the American
//!   Statistical Association 63 (1968): the interval, and points that share their x.
//! - R. M. Hirsch, J. R. Slack and R. A. Smith, "Techniques of trend analysis for monthly water quality
//!   data", Water Resources Research 18 (1982): pairs within groups only, with the variances of the groups
//!   added up.
//!
//! The interval holds for independent errors. Those of memory are autocorrelated, as a step up stays: the
//! interval is rather too narrow than too wide, and a decision that rests on it needs a margin.

/// Least number of points. The interval rests on Kendall's statistic, which is close enough to normal from 10
/// points on: R. O. Gilbert, "Statistical Methods for Environmental Pollution Monitoring" (1987), 16.4.
const MIN_POINTS: usize = 10;
/// Most points of a group. 600 make 180 thousand pairs, some milliseconds; more points would hardly narrow
/// the interval.
const MAX_POINTS: usize = 600;
/// Most pairs in all: 4.8 MB of slopes.
const MAX_PAIRS: usize = 600_000;
/// Most groups: at least one pair of 2 points each.
const MAX_GROUPS: usize = 100_000;
/// 0.975 quantile of the normal distribution: the interval excludes 2.5 % on either side.
const Z: f64 = 1.959_963_984_540_054;

/// A robust slope and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Slope {
    /// Median of the slopes of all pairs.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Slope of y on x of points `(x, y)`, from pairs within each group only: groups may lie at different
/// heights.
///
/// None for fewer than [`MIN_POINTS`] points in groups with a pair, or for too few pairs for a 95 %
/// interval. The cost is bounded: groups with too many points, and then too many groups, are thinned evenly.
/// Points that are not finite are ignored.
pub fn theil_sen(groups: &[Vec<(f64, f64)>]) -> Option<Slope> {
    let usable = |group: &&Vec<(f64, f64)>| group.len() > 1;
    let number = groups.iter().filter(usable).count();
    let kept = Even::new(number, MAX_GROUPS);
    let most = max_points(groups.iter().filter(usable).map(Vec::len), number);

    // Reserved once: growing step by step takes twice the memory at times.
    let expected: usize = groups.iter().filter(usable).map(|group| pairs_of(group.len().min(most))).sum();
    let (mut slopes, mut points, mut variance) = (Vec::with_capacity(expected.min(MAX_PAIRS)), 0, 0.0);
    let mut wanted = kept.peekable();
    for (index, group) in groups.iter().filter(usable).enumerate() {
        if wanted.next_if_eq(&index).is_some() {
            let group = thinned(group, most);
            let before = slopes.len();
            pairs(&group, &mut slopes);
            if slopes.len() > before {
                points += group.len();
                variance += kendall_variance(&group);
            }
        }
    }
    if points < MIN_POINTS {
        return None;
    }
    interval(&mut slopes, variance)
}

/// Most points per group such that all groups together stay below [`MAX_PAIRS`].
fn max_points(lengths: impl Iterator<Item = usize> + Clone, number: usize) -> usize {
    // Groups beyond MAX_GROUPS are ignored and make no pairs.
    let share = (MAX_GROUPS as f64 / number.max(1) as f64).min(1.0);
    let pairs =
        |most: usize| share * lengths.clone().map(|length| pairs_of(length.min(most))).sum::<usize>() as f64;
    let mut most = MAX_POINTS;
    while most > 2 && pairs(most) > MAX_PAIRS as f64 {
        // In steps of a tenth, or of one: at most 60.
        most -= most.div_ceil(10);
    }
    most.max(2)
}

fn pairs_of(points: usize) -> usize {
    points * points.saturating_sub(1) / 2
}

/// Finite points of a group, sorted by x, and at most `most`.
fn thinned(group: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let mut points: Vec<_> = group.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Even::new(points.len(), most).map(|index| points[index]).collect()
}

/// Appends the slopes of all pairs that differ in x.
fn pairs(points: &[(f64, f64)], slopes: &mut Vec<f64>) {
    for (index, (x, y)) in points.iter().enumerate() {
        let later = points[index + 1..].iter().filter(|(later, _)| later > x);
        slopes.extend(later.map(|(later, above)| (above - y) / (later - x)));
    }
}

/// Variance of Kendall's S of points sorted by x, corrected for points with the same x by the formula of Sen
/// (1968). Equal y are not corrected for, which makes the interval wider, never narrower.
fn kendall_variance(points: &[(f64, f64)]) -> f64 {
    let term = |n: usize| n as f64 * (n as f64 - 1.0) * (2.0 * n as f64 + 5.0);
    let ties: f64 = points.chunk_by(|a, b| a.0 == b.0).map(|tied| term(tied.len())).sum();
    (term(points.len()) - ties) / 18.0
}

/// Median of the slopes, and Sen's interval.
fn interval(slopes: &mut [f64], variance: f64) -> Option<Slope> {
    let number = slopes.len();
    let outside = (number as f64 - Z * variance.sqrt()) / 2.0;
    if outside < 1.0 {
        return None;
    }
    // Rounded towards the ends, so that the interval is rather too wide.
    let outside = outside as usize;
    let mut at = |index: usize| *slopes.select_nth_unstable_by(index, f64::total_cmp).1;
    let estimate = f64::midpoint(at((number - 1) / 2), at(number / 2));
    Some(Slope { estimate, low: at(outside - 1), high: at(number - outside) })
}

/// At most `taken` indexes of `0..number`, evenly spaced, including the first and the last.
struct Even {
    number: usize,
    taken: usize,
    next: usize,
}

impl Even {
    fn new(number: usize, most: usize) -> Self {
        Self { number, taken: number.min(most), next: 0 }
    }
}

impl Iterator for Even {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let index = self.next;
        self.next += 1;
        let gaps = self.taken.saturating_sub(1).max(1);
        (index < self.taken).then(|| index * (self.number - 1) / gaps)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn line(points: usize, slope: f64, start: f64) -> Vec<(f64, f64)> {
        (0..points).map(|x| (x as f64, start + slope * x as f64)).collect()
    }

    fn noisy(seed: u64, points: usize, slope: f64) -> Vec<(f64, f64)> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut noise = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        (0..points).map(|x| (x as f64, slope * x as f64 + noise())).collect()
    }

    #[test]
    fn too_few_points_give_none() {
        for groups in [
            vec![],
            vec![vec![]],
            vec![line(9, 1.0, 0.0)],
            // Single points make no pair.
            (0..50).map(|_| line(1, 1.0, 0.0)).collect(),
            // All points at one x.
            vec![vec![(1.0, 1.0); 30]],
            // Five pairs are too few for a 95 % interval.
            (0..5).map(|_| line(2, 1.0, 0.0)).collect(),
            vec![vec![(f64::NAN, 1.0); 30]],
        ] {
            assert_eq!(theil_sen(&groups), None, "{groups:?}");
        }
        assert!(theil_sen(&[line(10, 1.0, 0.0)]).is_some());
    }

    /// Computed separately, by sorting the 45 slopes: the median, and the 11th from either end.
    #[test]
    fn a_known_example() {
        let y = [9.0, 15.0, 19.0, 20.0, 45.0, 55.0, 78.0, 79.0, 80.0, 81.0];
        let x = [1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 18.0, 19.0, 20.0, 21.0];
        let slope = theil_sen(&[x.into_iter().zip(y).collect()]).unwrap();
        assert_eq!((slope.low, slope.estimate, slope.high), (36.0 / 11.0, 3.75, 4.0));
    }

    #[test]
    fn outliers_have_no_influence() {
        let mut points = line(40, 2.0, 100.0);
        for index in (0..40).step_by(5) {
            points[index].1 += 10_000.0;
        }
        let slope = theil_sen(&[points]).unwrap();
        assert!((slope.estimate - 2.0).abs() < 1e-9, "{slope:?}");
    }

    #[test]
    fn groups_at_different_heights_do_not_disturb_each_other() {
        // Each engine starts low and grows by 20 per file: a line through all points would be flat.
        let groups: Vec<_> = (0..10).map(|_| line(20, 20.0, 300.0)).collect();
        let slope = theil_sen(&groups).unwrap();
        assert_eq!((slope.low, slope.estimate, slope.high), (20.0, 20.0, 20.0));
    }

    #[test]
    fn the_interval_covers_the_slope_in_95_percent() {
        let covered = (0..400_u64)
            .filter(|seed| {
                let groups: Vec<_> = (0..3).map(|group| noisy(seed * 3 + group, 20, 0.1)).collect();
                let slope = theil_sen(&groups).unwrap();
                slope.low <= 0.1 && 0.1 <= slope.high
            })
            .count();
        // 380 on average, with a standard deviation of 4.4.
        assert!((362..=398).contains(&covered), "{covered}");
    }

    #[test]
    fn the_cost_is_bounded() {
        for (groups, points) in [(1, 100_000), (50, 2_000), (30_000, 20), (300_000, 2), (20_000, 6)] {
            let groups: Vec<_> = (0..groups).map(|_| line(points, 3.0, 0.0)).collect();
            let number = groups.len();
            let most = max_points(groups.iter().map(Vec::len), number);
            let pairs = number.min(MAX_GROUPS) * most.min(points) * (most.min(points) - 1) / 2;
            assert!((MAX_PAIRS / 10..=MAX_PAIRS).contains(&pairs), "{number} x {points}: {pairs}");
            assert_eq!(theil_sen(&groups).unwrap().estimate, 3.0);
        }
    }

    #[test]
    fn even_indexes_include_the_ends() {
        assert_eq!(Even::new(10, 4).collect::<Vec<_>>(), [0, 3, 6, 9]);
        assert_eq!(Even::new(3, 5).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(Even::new(0, 5).count(), 0);
    }

    proptest! {
        #[test]
        fn the_slope_moves_and_scales_with_the_points(
            seed in 0..1000_u64, points in 10..60_usize, shift in -1e4..1e4_f64, factor in 0.1..10.0_f64,
        ) {
            let group = noisy(seed, points, 0.3);
            let slope = theil_sen(std::slice::from_ref(&group)).unwrap();
            prop_assert!(slope.low <= slope.estimate && slope.estimate <= slope.high);
            let moved = group.iter().map(|(x, y)| (x - shift, factor * (y + shift))).collect();
            let moved = theil_sen(&[moved]).unwrap();
            prop_assert!((moved.estimate - factor * slope.estimate).abs() < 1e-6);
            let mirrored = theil_sen(&[group.iter().map(|(x, y)| (*x, -y)).collect()]).unwrap();
            prop_assert!((mirrored.low + slope.high).abs() < 1e-9);
        }

        #[test]
        fn the_order_of_points_does_not_matter(seed in 0..1000_u64, points in 10..60_usize) {
            let mut group = noisy(seed, points, -1.0);
            let slope = theil_sen(std::slice::from_ref(&group));
            group.reverse();
            prop_assert_eq!(theil_sen(&[group]), slope);
        }
    }
}
