//! Predictions of the end: at a tenth of the job, the error is at most 15 %.

use crate::simulation::figures::quantile;
use crate::simulation::run::run;
use crate::simulation::scenarios::{mixed_bit_rates, predictable};

/// Largest error of the remaining time at a tenth of the work.
const ERROR: f64 = 0.15;

#[test]
fn the_end_is_predicted() {
    let mut errors = Vec::new();
    let mut wrong = Vec::new();
    for scenario in predictable() {
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
                        run.prediction(0.1)
                    ));
                }
            }
            None => {
                wrong.push(format!("{} ({}): no prediction, {:.0} s", scenario.name, scenario.seed, run.end))
            }
        }
    }
    let [p50, p95, max] = [0.5, 0.95, 1.0].map(|part| 100.0 * quantile(&errors, part));
    println!("{} runs: error at a tenth p50 {p50:.1} %, p95 {p95:.1} %, max {max:.1} %", errors.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mixed_bit_rates_delay_the_prediction() {
    for (progress, bound) in [(0.1, 0.5), (0.5, 0.35)] {
        let runs = mixed_bit_rates().into_iter().filter_map(|scenario| run(&scenario).eta_error(progress));
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
