//! A job from its start to its end, with a look and a decision every some seconds.

use std::time::Duration;

use verbatim_operator::decide::scale::{Decision, Memory, Observation, decide};

use super::look::scrape;
use super::scenario::Scenario;
use super::world::{State, World};

/// The operator's clock when the job starts.
const BOOT: f64 = 1000.0;
/// A job that takes longer does not end.
const LONGEST: f64 = 40.0 * 86_400.0;

/// What was seen and decided at a look.
pub(crate) struct Step {
    pub(crate) at: f64,
    /// Part of the audio that is done, truly.
    pub(crate) progress: f64,
    pub(crate) up: u32,
    pub(crate) decision: Decision,
}

pub(crate) struct Run {
    pub(crate) steps: Vec<Step>,
    pub(crate) end: f64,
    /// Audio of the job, in seconds.
    pub(crate) audio: f64,
}

pub(crate) fn run(scenario: &Scenario) -> Run {
    let mut world = World::new(scenario);
    let mut memory = Memory::default();
    let (mut steps, mut desired, mut at) = (Vec::new(), 0, 0.0);
    let mut restart = scenario.restarts;
    while world.end.is_none() {
        assert!(at < LONGEST, "{} does not end", scenario.name);
        world.run_until(at);
        if world.end.is_some() {
            break;
        }
        if restart.is_some_and(|restart| at >= restart) {
            memory = Memory::default();
            restart = restart.zip(scenario.restarts).map(|(last, every)| last + every);
        }
        let workers = scrape(&mut world);
        let planned = world.pods.iter().any(|pod| pod.life > 0 && pod.ready > 0.0);
        let job = planned.then(|| world.job.progress(at));
        let starting = world.count(State::Starting) > 0 || world.pods.iter().any(|pod| pod.draining);
        let decision = decide(
            &Observation {
                now: Duration::from_secs_f64(BOOT + at),
                elapsed: Duration::from_secs_f64(at),
                desired,
                settled: !starting,
                workers: &workers,
                job: job.as_ref(),
                unschedulable: world.count(State::Waiting),
                scaling: &scenario.scaling,
                deadline: None,
            },
            &mut memory,
        );
        desired = decision.workers;
        let progress = world.done_seconds / world.job.seconds;
        steps.push(Step { at, progress, up: world.count(State::Working), decision });
        world.ask(desired as usize);
        at += scenario.look;
    }
    Run { steps, end: world.end.unwrap_or(at), audio: world.job.seconds }
}
