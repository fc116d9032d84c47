//! Parameters of a simulation.

use verbatim_crds::scaling::Scaling;

/// Environment variable with a number that is added to all seeds, to select others.
const SEED: &str = "VERBATIM_TEST_SEED";

/// Fault of a worker's counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CounterFault {
    NotANumber,
    Negative,
    OutOfRange,
    Decreasing,
    TwentyTimes,
    Zero,
}

impl CounterFault {
    const ALL: [Self; 6] =
        [Self::NotANumber, Self::Negative, Self::OutOfRange, Self::Decreasing, Self::TwentyTimes, Self::Zero];

    /// A fault for each seed, in turn.
    pub(crate) fn of(seed: u64) -> Self {
        Self::ALL[seed as usize % Self::ALL.len()]
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) files: usize,
    pub(crate) median_seconds: f64,
    pub(crate) sigma: f64,
    pub(crate) bytes_a_second: f64,
    pub(crate) codec_sigma: f64,
    /// Share of recordings to skip.
    pub(crate) skipped: f64,
    /// Of a normal worker.
    pub(crate) real_time_factor: f64,
    /// Share of workers that are three times slower.
    pub(crate) stragglers: f64,
    /// Variation of a worker's speed between recordings.
    pub(crate) noise: f64,
    pub(crate) start: (f64, f64),
    pub(crate) load: f64,
    /// Mean seconds between preemptions of a worker.
    pub(crate) preemption: Option<f64>,
    pub(crate) counter_fault: Option<CounterFault>,
    /// Pods that can be scheduled.
    pub(crate) capacity: Option<u32>,
    pub(crate) scrape_failures: f64,
    /// Seconds between restarts of the operator.
    pub(crate) restarts: Option<f64>,
    /// Seconds between decisions.
    pub(crate) interval: f64,
    pub(crate) scaling: Scaling,
}

impl Scenario {
    /// About `rounds` recordings of ten minutes for each of `workers`.
    pub(crate) fn new(name: &str, seed: u64, workers: u32, rounds: usize) -> Self {
        Self {
            name: format!("{name}, {workers}"),
            seed: seed + std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(0),
            files: workers as usize * rounds,
            median_seconds: 400.0,
            sigma: 0.9,
            bytes_a_second: 32_000.0,
            codec_sigma: 0.0,
            skipped: 0.0,
            real_time_factor: 0.02,
            stragglers: 0.0,
            noise: 0.1,
            start: (5.0, 60.0),
            load: 3.0,
            preemption: None,
            counter_fault: None,
            capacity: None,
            scrape_failures: 0.0,
            restarts: None,
            interval: 15.0,
            scaling: Scaling { max_workers: workers, ..Scaling::default() },
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn target(mut self, seconds: f64) -> Self {
        self.scaling.target_completion_seconds = Some(seconds as u32);
        self
    }
}
