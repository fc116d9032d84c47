//! What the operator sees: scrapes that fail, counters that lie.

use std::time::Duration;

use verbatim_operator::decide::scale::WorkerSample;

use super::scenario::Lie;
use super::world::{State, World};

/// The workers whose scrape succeeds. The first one lies.
pub(crate) fn scrape(world: &mut World<'_>) -> Vec<WorkerSample> {
    let mut samples = Vec::new();
    for index in 0..world.pods.len() {
        if world.pods[index].state != State::Working || world.random.chance(world.scenario.scrape_failures) {
            continue;
        }
        let pod = &world.pods[index];
        let lie = world.scenario.lie.filter(|_| index == 0);
        let audio_seconds = match lie {
            None => pod.counter,
            Some(Lie::NotANumber) => f64::NAN,
            Some(Lie::Negative) => -pod.counter - 1.0,
            Some(Lie::Absurd) => pod.counter + 1e12 * world.now,
            Some(Lie::Backwards) => (pod.counter * 7.0) % 1000.0,
            Some(Lie::TwentyTimes) => 20.0 * pod.counter,
            Some(Lie::Nothing) => 0.0,
        };
        let up = Duration::from_secs_f64(world.now - pod.ready);
        samples.push(WorkerSample { name: format!("{index}-{}", pod.life), audio_seconds, up });
    }
    samples
}
