//! Downsampling of long series to bounded memory: evenly, or by the extremes of windows of time. Pure.

/// Windows of time of a plotted series. Two points each make 2000, more than the width of a screen.
const BUCKETS: usize = 1000;

/// A bounded number of values, evenly spaced in the order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Decimated<T> {
    capacity: usize,
    stride: usize,
    seen: usize,
    values: Vec<T>,
}

impl<T> Decimated<T> {
    /// Keeps at most `capacity` values, and at least half as many once there were more.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(2), stride: 1, seen: 0, values: Vec::new() }
    }

    /// Adds a value, if it is due.
    pub(crate) fn push(&mut self, value: T) {
        if self.values.len() == self.capacity && self.is_due() {
            self.halve();
        }
        if self.is_due() {
            self.values.push(value);
        }
        self.seen += 1;
    }

    fn is_due(&self) -> bool {
        self.seen.is_multiple_of(self.stride)
    }

    /// Drops every second value, and of the values to come as well.
    pub(crate) fn halve(&mut self) {
        let mut keep = false;
        self.values.retain(|_| {
            keep = !keep;
            keep
        });
        self.values.shrink_to_fit();
        self.stride *= 2;
    }

    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}

/// A sample of a series over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Seconds since the start of the soak.
    pub(crate) at: f32,
    pub(crate) value: f32,
    /// Number of the engine; 0 for none.
    pub(crate) engine: u32,
}

/// Samples of one window of time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    low: Sample,
    high: Sample,
    sum: f64,
    count: u32,
}

/// A series of any length as minimum, maximum and mean of [`BUCKETS`] windows of time.
#[derive(Clone, Debug)]
pub(crate) struct TimeBuckets {
    width: f64,
    buckets: Vec<Option<Bucket>>,
}

impl TimeBuckets {
    /// Buckets for a soak of `wall_seconds`.
    pub(crate) fn new(wall_seconds: f64) -> Self {
        // At least a second, so that the width is positive.
        Self { width: wall_seconds.max(1.0) / BUCKETS as f64, buckets: vec![None; BUCKETS] }
    }

    /// Adds a sample. Samples that are not finite are ignored: they cannot be drawn.
    pub(crate) fn push(&mut self, sample: Sample) {
        if !sample.at.is_finite() || !sample.value.is_finite() {
            return;
        }
        let index = ((f64::from(sample.at) / self.width) as usize).min(BUCKETS - 1);
        let empty = Bucket { low: sample, high: sample, sum: 0.0, count: 0 };
        let bucket = self.buckets[index].get_or_insert(empty);
        if sample.value < bucket.low.value {
            bucket.low = sample;
        }
        if sample.value > bucket.high.value {
            bucket.high = sample;
        }
        bucket.sum += f64::from(sample.value);
        bucket.count += 1;
    }

    /// Minimum and maximum of each window, in order of time.
    pub(crate) fn extremes(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for Bucket { low, high, .. } in self.buckets.iter().flatten() {
            let (first, second) = if low.at <= high.at { (low, high) } else { (high, low) };
            samples.push(*first);
            if second != first {
                samples.push(*second);
            }
        }
        samples
    }

    /// Middle of each window in seconds, with mean, minimum and maximum of the window.
    pub(crate) fn means(&self) -> impl Iterator<Item = (f64, f64, f32, f32)> {
        self.buckets.iter().enumerate().filter_map(|(index, bucket)| {
            let Bucket { low, high, sum, count } = bucket.as_ref()?;
            Some(((index as f64 + 0.5) * self.width, sum / f64::from(*count), low.value, high.value))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimation_is_even(number in 0..5000_usize, capacity in 2..50_usize) {
            let mut decimated = Decimated::new(capacity);
            (0..number).for_each(|value| decimated.push(value));
            let values = decimated.values();
            prop_assert!(values.len() <= capacity);
            prop_assert!(values.len() >= number.min(capacity / 2));
            let stride = values.get(1).map_or(1, |second| *second);
            prop_assert!(values.iter().enumerate().all(|(index, value)| *value == index * stride));
            if let Some(last) = values.last() {
                prop_assert!(number - last <= stride);
            }
        }

        #[test]
        fn halving_at_any_time_stays_even(before in 0..100_usize, after in 0..200_usize) {
            let mut decimated = Decimated::new(1000);
            (0..before).for_each(|value| decimated.push(value));
            decimated.halve();
            (before..before + after).for_each(|value| decimated.push(value));
            prop_assert_eq!(decimated.values(), &(0..before + after).step_by(2).collect::<Vec<_>>()[..]);
        }

        #[test]
        fn buckets_keep_the_extremes(values in prop::collection::vec(-1e3_f32..1e3, 1..5000)) {
            let mut buckets = TimeBuckets::new(values.len() as f64);
            for (at, value) in values.iter().enumerate() {
                buckets.push(Sample { at: at as f32, value: *value, engine: 1 });
            }
            let kept = buckets.extremes();
            prop_assert!(kept.len() <= 2 * BUCKETS);
            prop_assert!(kept.is_sorted_by_key(|sample| sample.at));
            let max = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::MIN, f32::max);
            prop_assert_eq!(
                max(&mut kept.iter().map(|sample| sample.value)),
                max(&mut values.iter().copied())
            );
        }
    }

    #[test]
    fn samples_that_are_not_finite_are_ignored() {
        let mut buckets = TimeBuckets::new(0.0);
        buckets.push(Sample { at: f32::NAN, value: 1.0, engine: 0 });
        buckets.push(Sample { at: 1.0, value: f32::INFINITY, engine: 0 });
        assert!(buckets.extremes().is_empty());
        buckets.push(Sample { at: 1e9, value: 2.0, engine: 0 });
        assert_eq!(buckets.extremes().len(), 1);
        assert_eq!(buckets.means().count(), 1);
    }
}
