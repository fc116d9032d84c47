//! Long series of samples in little memory. They take samples as they come and give few of them: evenly, or the extremes.

/// Times at which a plot's series is looked at. Two points each make 2000: more than a screen is wide.
const BUCKETS: usize = 1000;

/// At most so many of any number of values, evenly spaced in the order in which they came.
#[derive(Clone, Debug)]
pub struct Thinned<T> {
    most: usize,
    stride: usize,
    seen: usize,
    values: Vec<T>,
}

impl<T> Thinned<T> {
    /// Keeps `most` values at most, and half as many at least once there were more.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2), stride: 1, seen: 0, values: Vec::new() }
    }

    /// Takes one value more.
    pub fn push(&mut self, value: T) {
        if self.values.len() == self.most && self.is_due() {
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

    /// Drops every second value, from now on too.
    pub fn halve(&mut self) {
        let mut keep = false;
        self.values.retain(|_| {
            keep = !keep;
            keep
        });
        self.values.shrink_to_fit();
        self.stride *= 2;
    }

    /// What was kept.
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

/// One sample of a series over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Seconds since the soak's beginning.
    pub at: f32,
    /// The value.
    pub value: f32,
    /// The engine that it is of; 0 for none.
    pub engine: u32,
}

/// The samples of one stretch of time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    low: Sample,
    high: Sample,
    sum: f64,
    count: u32,
}

/// A series of any length, with the lowest, the highest and the mean of each of 1000 stretches of time.
#[derive(Clone, Debug)]
pub struct Buckets {
    width: f64,
    buckets: Vec<Option<Bucket>>,
}

impl Buckets {
    /// For a soak that took so long.
    pub fn new(wall_seconds: f64) -> Self {
        // A soak takes a second at least, and one that says otherwise is drawn anyhow.
        Self { width: wall_seconds.max(1.0) / BUCKETS as f64, buckets: vec![None; BUCKETS] }
    }

    /// Takes one sample more. One that is not finite is left out: it cannot be drawn.
    pub fn push(&mut self, sample: Sample) {
        if !sample.at.is_finite() || !sample.value.is_finite() {
            return;
        }
        let index = ((f64::from(sample.at) / self.width) as usize).min(BUCKETS - 1);
        let value = f64::from(sample.value);
        match &mut self.buckets[index] {
            Some(bucket) => {
                if sample.value < bucket.low.value {
                    bucket.low = sample;
                }
                if sample.value > bucket.high.value {
                    bucket.high = sample;
                }
                bucket.sum += value;
                bucket.count += 1;
            }
            empty => *empty = Some(Bucket { low: sample, high: sample, sum: value, count: 1 }),
        }
    }

    /// The lowest and the highest of each stretch, in the order of time: 2000 at most.
    pub fn extremes(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for bucket in self.buckets.iter().flatten() {
            let (first, second) = if bucket.low.at <= bucket.high.at {
                (bucket.low, bucket.high)
            } else {
                (bucket.high, bucket.low)
            };
            samples.push(first);
            if second != first {
                samples.push(second);
            }
        }
        samples
    }

    /// The middle of each stretch in seconds, with the mean, the lowest and the highest of the stretch.
    pub fn means(&self) -> impl Iterator<Item = (f64, f64, f32, f32)> {
        self.buckets.iter().enumerate().filter_map(|(index, bucket)| {
            bucket.map(|bucket| {
                let middle = (index as f64 + 0.5) * self.width;
                (middle, bucket.sum / f64::from(bucket.count), bucket.low.value, bucket.high.value)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thinned_is_even(number in 0..5000_usize, most in 2..50_usize) {
            let mut thinned = Thinned::new(most);
            (0..number).for_each(|value| thinned.push(value));
            let values = thinned.values();
            prop_assert!(values.len() <= most);
            prop_assert!(values.len() >= number.min(most / 2));
            let stride = values.get(1).map_or(1, |second| *second);
            prop_assert!(values.iter().enumerate().all(|(index, value)| *value == index * stride));
            if let Some(last) = values.last() {
                prop_assert!(number - last <= stride);
            }
        }

        #[test]
        fn halving_at_any_time_stays_even(before in 0..100_usize, after in 0..200_usize) {
            let mut thinned = Thinned::new(1000);
            (0..before).for_each(|value| thinned.push(value));
            thinned.halve();
            (before..before + after).for_each(|value| thinned.push(value));
            prop_assert_eq!(thinned.values(), &(0..before + after).step_by(2).collect::<Vec<_>>()[..]);
        }

        #[test]
        fn buckets_keep_the_extremes(values in prop::collection::vec(-1e3_f32..1e3, 1..5000)) {
            let mut buckets = Buckets::new(values.len() as f64);
            for (at, value) in values.iter().enumerate() {
                buckets.push(Sample { at: at as f32, value: *value, engine: 1 });
            }
            let kept = buckets.extremes();
            prop_assert!(kept.len() <= 2 * BUCKETS);
            prop_assert!(kept.is_sorted_by_key(|sample| sample.at));
            let most = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::MIN, f32::max);
            prop_assert_eq!(
                most(&mut kept.iter().map(|sample| sample.value)),
                most(&mut values.iter().copied())
            );
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let mut buckets = Buckets::new(0.0);
        buckets.push(Sample { at: f32::NAN, value: 1.0, engine: 0 });
        buckets.push(Sample { at: 1.0, value: f32::INFINITY, engine: 0 });
        assert!(buckets.extremes().is_empty());
        buckets.push(Sample { at: 1e9, value: 2.0, engine: 0 });
        assert_eq!(buckets.extremes().len(), 1);
        assert_eq!(buckets.means().count(), 1);
    }
}
