//! The number of workers is stable when nothing requires a change.

use crate::simulation::run::run;
use crate::simulation::scenario::Scenario;

#[test]
fn without_a_target_a_fleet_grows_once() {
    for workers in [1, 7, 60, 400] {
        let scenario = Scenario::new("no target", 5, workers, 60).with(|it| {
            (it.scrape_failures, it.restarts, it.stragglers) = (0.2, Some(200.0), 0.2);
            it.preemption = Some(1200.0);
        });
        let run = run(&scenario);
        assert!(run.changes() <= 1, "{workers}: {}", run.changes());
    }
}
