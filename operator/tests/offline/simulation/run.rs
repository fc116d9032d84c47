//! A simulated job from start to end, with a decision at a fixed interval.

use std::time::Duration;

use verbatim_operator::decide::scale::{ScalingDecision, ScalingInput, ScalingState, decide};

use super::scenario::Scenario;
use super::scrape::scrape;
use super::world::{State, World};

/// The operator's clock at the start of the job, in seconds.
const BOOT: f64 = 1000.0;
/// Longest job in seconds; a longer one counts as endless.
const LONGEST: f64 = 40.0 * 86_400.0;

/// State and decision at one time.
pub(crate) struct Step {
    pub(crate) at: f64,
    /// True share of the audio that is done.
    pub(crate) progress: f64,
    pub(crate) up: u32,
    pub(crate) decision: ScalingDecision,
}

pub(crate) struct Run {
    pub(crate) steps: Vec<Step>,
    pub(crate) end: f64,
    /// Audio of the job in seconds.
    pub(crate) audio: f64,
}

pub(crate) fn run(scenario: &Scenario) -> Run {
    let mut world = World::new(scenario);
    let mut state = ScalingState::default();
    let (mut steps, mut desired, mut at) = (Vec::new(), 0, 0.0);
    let mut restart = scenario.restarts;
    while world.end.is_none() {
        assert!(at < LONGEST, "{} does not end", scenario.name);
        world.run_until(at);
        if world.end.is_some() {
            break;
        }
        if restart.is_some_and(|restart| at >= restart) {
            state = ScalingState::default();
            restart = restart.zip(scenario.restarts).map(|(last, every)| last + every);
        }
        let workers = scrape(&mut world);
        let planned = world.pods.iter().any(|pod| pod.life > 0 && pod.ready > 0.0);
        let job = planned.then(|| world.job.progress(at));
        let starting = world.count(State::Starting) > 0 || world.pods.iter().any(|pod| pod.draining);
        let decision = decide(
            &ScalingInput {
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
            &mut state,
        );
        desired = decision.workers;
        let progress = world.done_seconds / world.job.seconds;
        steps.push(Step { at, progress, up: world.count(State::Working), decision });
        world.set_desired(desired as usize);
        at += scenario.interval;
    }
    Run { steps, end: world.end.unwrap_or(at), audio: world.job.seconds }
}
