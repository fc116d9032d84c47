//! At a tenth of the job, its end is known to 15 %.

use crate::sim::families::{foretold, mixed};
use crate::sim::figures::quantile;
use crate::sim::run::run;

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

#[test]
fn where_bit_rates_differ_the_end_is_foretold_later() {
    for (progress, bound) in [(0.1, 0.5), (0.5, 0.35)] {
        let runs = mixed().into_iter().filter_map(|scenario| run(&scenario).eta_error(progress));
        let errors: Vec<f64> = runs.map(f64::abs).collect();
        let [p50, max] = [0.5, 1.0].map(|part| quantile(&errors, part));
        println!(
            "64 to 512 kbit/s in one job: error at {progress} p50 {:.1} %, max {:.1} %",
            100.0 * p50,
            100.0 * max
        );
        assert!(max <= bound, "{max}");
    }
}
