//! The operator's view: failed scrapes and faulty counters.

use std::time::Duration;

use verbatim_operator::decide::scale::WorkerSample;

use super::scenario::CounterFault;
use super::world::{State, World};

/// Samples of the workers whose scrape succeeds. The first worker has the scenario's counter fault.
pub(crate) fn scrape(world: &mut World<'_>) -> Vec<WorkerSample> {
    let mut samples = Vec::new();
    for index in 0..world.pods.len() {
        if world.pods[index].state != State::Working || world.random.chance(world.scenario.scrape_failures) {
            continue;
        }
        let pod = &world.pods[index];
        let fault = world.scenario.counter_fault.filter(|_| index == 0);
        let audio_seconds = match fault {
            None => pod.counter,
            Some(CounterFault::NotANumber) => f64::NAN,
            Some(CounterFault::Negative) => -pod.counter - 1.0,
            Some(CounterFault::OutOfRange) => pod.counter + 1e12 * world.now,
            Some(CounterFault::Decreasing) => (pod.counter * 7.0) % 1000.0,
            Some(CounterFault::TwentyTimes) => 20.0 * pod.counter,
            Some(CounterFault::Zero) => 0.0,
        };
        let up = Duration::from_secs_f64(world.now - pod.ready);
        samples.push(WorkerSample { name: format!("{index}-{}", pod.life), audio_seconds, up });
    }
    samples
}
