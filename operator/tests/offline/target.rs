//! The target is met wherever `maxWorkers` allows it, and the bounds always hold.

use crate::simulation::figures::quantile;
use crate::simulation::run::run;
use crate::simulation::scenario::{CounterFault, Scenario};

/// Share of the target in which `maxWorkers` can do the work, so that it can be met: the rest is for faults,
/// the start and the last shard.
const POSSIBLE: f64 = 0.75;

/// A target in seconds that about this many `workers` can meet.
fn target(it: &Scenario, workers: u32) -> f64 {
    let mean = it.median_seconds * (it.sigma * it.sigma / 2.0).exp();
    it.files as f64 * mean * it.real_time_factor / f64::from(workers) / POSSIBLE
}

fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (most, seeds) in [(4, 6), (20, 6), (100, 3), (500, 1)] {
        for seed in 0..seeds {
            // A target for this share of the maximum.
            for part in [0.2, 0.5, 0.8, 1.0] {
                let new = |name: &str| {
                    let it = Scenario::new(&format!("{name}, {part}"), seed, most, 240);
                    let workers = (f64::from(most) * part).floor().max(1.0) as u32;
                    let seconds = target(&it, workers);
                    it.target(seconds)
                };
                all.push(new("steady"));
                all.push(new("variable bit rate").with(|it| it.codec_sigma = 0.2));
                all.push(new("scrapes fail").with(|it| it.scrape_failures = 0.3));
                all.push(new("operator restarts").with(|it| it.restarts = Some(300.0)));
                all.push(new("telephone calls").with(|it| it.bytes_a_second = 3000.0));
                if part < 1.0 && most > 4 {
                    all.push(new("preemptions").with(|it| it.preemption = Some(3600.0)));
                    all.push(new("stragglers").with(|it| it.stragglers = 0.1));
                    all.push(
                        new("a faulty counter").with(|it| it.counter_fault = Some(CounterFault::of(seed))),
                    );
                }
            }
        }
    }
    all
}

#[test]
fn possible_targets_are_met() {
    let mut used = Vec::new();
    let mut wrong = Vec::new();
    let mut turns = Vec::new();
    for scenario in scenarios() {
        let run = run(&scenario);
        let target = f64::from(scenario.scaling.target_completion_seconds.unwrap());
        let summary = format!(
            "{} ({}): {:.0} of {target:.0} s, {} changes, {} turns",
            scenario.name,
            scenario.seed,
            run.end,
            run.changes(),
            run.turns()
        );
        used.push(run.end / target);
        turns.push(run.turns() as f64);
        assert!(run.most() <= scenario.scaling.max_workers, "{summary}");
        if run.end > target || run.turns() > 4 {
            let steps: Vec<_> = run.steps.iter().map(|step| step.decision.workers).collect();
            let mut steps: Vec<_> =
                steps.iter().zip(&run.steps).map(|(number, step)| (*number, step.at as u32)).collect();
            steps.dedup_by_key(|(number, _)| *number);
            wrong.push(format!("{summary} {steps:?}"));
        }
    }
    let [p50, p95, max] = [0.5, 0.95, 1.0].map(|part| 100.0 * quantile(&used, part));
    println!("{} runs: time used of the target p50 {p50:.0} %, p95 {p95:.0} %, max {max:.0} %", used.len());
    let [p50, p95, max] = [0.5, 0.95, 1.0].map(|part| quantile(&turns, part));
    println!("turns p50 {p50}, p95 {p95}, max {max}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
