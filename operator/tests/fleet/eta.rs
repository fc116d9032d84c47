//! At a tenth of the job, its end is known to 15 %.

use crate::sim::figures::quantile;
use crate::sim::run::run;
use crate::sim::scenario::{Lie, Scenario};

/// Largest error of the time that is left, at a tenth of the work.
const ERROR: f64 = 0.15;

fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (workers, seeds) in [(1, 6), (3, 6), (10, 5), (30, 4), (100, 3), (300, 2), (1000, 1)] {
        for seed in 0..seeds {
            let new = |name: &str| Scenario::new(name, seed, workers, 240);
            all.push(new("steady"));
            all.push(new("variable bit rate").with(|it| it.codec_sigma = 0.2));
            all.push(
                new("a third is there already")
                    .with(|it| (it.skipped, it.files) = (0.33, it.files.max(3000))),
            );
            all.push(new("slow model").with(|it| (it.real_time_factor, it.files) = (0.2, it.files / 2)));
            all.push(new("GPU, short calls").with(|it| {
                (it.real_time_factor, it.files, it.median_seconds, it.load) =
                    (0.002, it.files * 4, 180.0, 20.0);
            }));
            all.push(new("scrapes fail").with(|it| it.scrape_failures = 0.3));
            all.push(new("operator restarts").with(|it| it.restarts = Some(300.0)));
            all.push(new("preemptions").with(|it| it.preemption = Some(1800.0)));
            if workers >= 10 {
                all.push(new("stragglers").with(|it| it.stragglers = 0.1));
                all.push(new("full cluster").with(|it| it.capacity = Some(workers * 6 / 10)));
                all.push(new("everything").with(|it| {
                    (it.stragglers, it.scrape_failures, it.codec_sigma) = (0.1, 0.2, 0.2);
                    (it.preemption, it.restarts, it.lie) =
                        (Some(3600.0), Some(900.0), Some(Lie::TwentyTimes));
                    it.capacity = Some(workers * 8 / 10);
                }));
            }
            if workers >= 3 {
                let lies = [
                    Lie::NotANumber,
                    Lie::Negative,
                    Lie::Absurd,
                    Lie::Backwards,
                    Lie::TwentyTimes,
                    Lie::Nothing,
                ];
                all.push(new("a worker lies").with(|it| it.lie = Some(lies[seed as usize % lies.len()])));
            }
        }
    }
    all
}

#[test]
fn the_end_is_foretold() {
    let mut errors = Vec::new();
    let mut wrong = Vec::new();
    for scenario in scenarios() {
        let run = run(&scenario);
        match run.eta_error(0.1) {
            Some(error) => {
                errors.push(error.abs());
                if error.abs() > ERROR {
                    wrong.push(format!(
                        "{} ({}): {:+.1} % of {:.0} s {}",
                        scenario.name,
                        scenario.seed,
                        error * 100.0,
                        run.end,
                        run.told(0.1)
                    ));
                }
            }
            None => {
                wrong.push(format!("{} ({}): nothing said, {:.0} s", scenario.name, scenario.seed, run.end))
            }
        }
    }
    let [p50, p95, max] = [0.5, 0.95, 1.0].map(|part| 100.0 * quantile(&errors, part));
    println!("{} runs: error at a tenth p50 {p50:.1} %, p95 {p95:.1} %, max {max:.1} %", errors.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
