//! Quantiles and means of samples.

/// Quantiles `at` (each from 0 to 1) of `values`, which it sorts; none without values.
///
/// Interpolates linearly between two samples: type 7 of R. J. Hyndman and Y. Fan, "Sample Quantiles in
/// Statistical Packages", The American Statistician 50 (1996), which is the default of NumPy and R.
pub fn quantiles<T: Copy + Into<f64>, const N: usize>(values: &mut [T], at: [f64; N]) -> Option<[f64; N]> {
    let last = values.len().checked_sub(1)?;
    values.sort_unstable_by(|a, b| (*a).into().total_cmp(&(*b).into()));
    Some(at.map(|q| {
        let position = q.clamp(0.0, 1.0) * last as f64;
        let below = position.floor() as usize;
        let low: f64 = values[below].into();
        let high: f64 = values[(below + 1).min(last)].into();
        low + (high - low) * (position - below as f64)
    }))
}

/// Arithmetic mean; none without values.
pub fn mean<T: Copy + Into<f64>>(values: &[T]) -> Option<f64> {
    let sum: f64 = values.iter().map(|value| (*value).into()).sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Expected values are those of `numpy.quantile`.
    #[test]
    fn quantiles_of_known_samples() {
        for (values, q, expected) in [
            (vec![3.0, 1.0, 2.0], 0.5, 2.0),
            (vec![4.0, 1.0, 2.0, 3.0], 0.5, 2.5),
            (vec![7.0], 0.99, 7.0),
            (vec![0.0, 10.0], 0.9, 9.0),
            (vec![5.0, 1.0, 9.0], 0.0, 1.0),
            (vec![5.0, 1.0, 9.0], 1.0, 9.0),
        ] {
            let mut sorted = values.clone();
            assert_eq!(quantiles(&mut sorted, [q]), Some([expected]), "{q} of {values:?}");
        }
        assert_eq!(quantiles::<f64, 1>(&mut [], [0.5]), None);
        assert_eq!(mean::<f64>(&[]), None);
        assert_eq!(mean(&[1.0_f32, 2.0]), Some(1.5));
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_stay_within_the_samples(
            mut values in prop::collection::vec(-1e6_f64..1e6, 1..50),
        ) {
            let [low, median, high] = quantiles(&mut values, [0.1, 0.5, 0.9]).unwrap();
            prop_assert!(low <= median && median <= high);
            prop_assert!(values[0] <= low && high <= values[values.len() - 1]);
        }
    }
}
