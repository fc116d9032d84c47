//! At a tenth of the job, its end is known to 15 %.

use crate::sim::families::{by_mean, foretold, mixed};
use crate::sim::figures::quantile;
use crate::sim::run::run;
use crate::sim::scenario::Scenario;

/// Largest error of the time that is left, at a tenth of the work.
const ERROR: f64 = 0.15;

#[test]
fn the_end_is_foretold() {
    let mut errors = Vec::new();
    let mut wrong = Vec::new();
    for scenario in foretold() {
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

/// Absolute errors at that part of the work.
fn errors(scenarios: &[Scenario], progress: f64) -> Vec<f64> {
    scenarios.iter().filter_map(|scenario| run(scenario).eta_error(progress)).map(f64::abs).collect()
}

#[test]
fn where_figures_mislead_the_end_is_foretold_later() {
    for (name, scenarios, bounds) in [
        ("recordings of 64 to 512 kbit/s in one job", mixed(), [0.5, 0.35]),
        ("the ledger takes recordings of a shard for equally big", by_mean(), [0.6, 0.3]),
    ] {
        for (progress, bound) in [0.1, 0.5].into_iter().zip(bounds) {
            let errors = errors(&scenarios, progress);
            let [p50, max] = [0.5, 1.0].map(|part| quantile(&errors, part));
            println!("{name}: error at {progress} p50 {:.1} %, max {:.1} %", 100.0 * p50, 100.0 * max);
            assert!(max <= bound, "{name}: {max}");
        }
    }
}
