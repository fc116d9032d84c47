//! Sets of scenarios.

use super::scenario::{CounterFault, Scenario};

/// Recordings per worker.
const MANY: usize = 240;
/// The same for fleets of less than ten, so that a tenth of the job is some dozens of recordings.
const FEW: usize = 600;

/// Scenarios whose end has to be predicted.
pub(crate) fn predictable() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (workers, seeds) in [(1, 6), (3, 6), (10, 5), (30, 4), (100, 3), (300, 2), (1000, 1)] {
        for seed in 0..seeds {
            let new = |name: &str| Scenario::new(name, seed, workers, if workers < 10 { FEW } else { MANY });
            all.push(new("steady"));
            all.push(new("variable bit rate").with(|it| it.codec_sigma = 0.2));
            all.push(
                new("a third is skipped").with(|it| (it.skipped, it.files) = (0.33, it.files.max(6000))),
            );
            all.push(new("slow model").with(|it| (it.real_time_factor, it.files) = (0.2, it.files / 2)));
            all.push(new("GPU, short calls").with(|it| {
                (it.real_time_factor, it.files, it.median_seconds, it.load) =
                    (0.002, it.files * 8, 180.0, 20.0);
            }));
            all.push(new("scrapes fail").with(|it| it.scrape_failures = 0.3));
            all.push(new("operator restarts").with(|it| it.restarts = Some(300.0)));
            all.push(new("preemptions").with(|it| it.preemption = Some(1800.0)));
            if workers >= 10 {
                all.push(new("stragglers").with(|it| it.stragglers = 0.1));
                all.push(new("full cluster").with(|it| it.capacity = Some(workers * 6 / 10)));
                all.push(new("all faults").with(|it| {
                    (it.stragglers, it.scrape_failures, it.codec_sigma) = (0.1, 0.2, 0.2);
                    (it.preemption, it.restarts, it.counter_fault) =
                        (Some(3600.0), Some(900.0), Some(CounterFault::TwentyTimes));
                    it.capacity = Some(workers * 8 / 10);
                }));
            }
            if workers >= 3 {
                all.push(new("a faulty counter").with(|it| it.counter_fault = Some(CounterFault::of(seed))));
            }
        }
    }
    all
}

/// Jobs with bit rates that differ by a factor of eight.
pub(crate) fn mixed_bit_rates() -> Vec<Scenario> {
    let fleets = [1, 3, 10, 30, 100, 300, 1000];
    let new = |(seed, workers): (usize, u32)| {
        let rounds = if workers < 10 { FEW } else { MANY };
        Scenario::new("mixed", seed as u64, workers, rounds).with(|it| it.codec_sigma = 0.7)
    };
    fleets.into_iter().enumerate().map(new).collect()
}

/// A job with a target and all faults, for the plot.
pub(crate) fn plotted() -> Scenario {
    Scenario::new("shown", 3, 60, 160).target(7200.0).with(|it| {
        (it.stragglers, it.scrape_failures, it.preemption) = (0.1, 0.2, Some(3600.0));
        (it.restarts, it.counter_fault) = (Some(1500.0), Some(CounterFault::TwentyTimes));
    })
}
