//! How many workers run, and when the job will be done. Takes what was observed; pure. See docs/scaling.md.

mod eta;
mod fleet;
mod ledger;
mod need;
mod rate;
mod settle;
#[cfg(test)]
mod tests;
mod track;
mod why;
mod work;

use std::time::Duration;

use verbatim_crds::contract::messages::JobProgress;
use verbatim_crds::scaling::Scaling;

pub use self::why::Why;

/// What is known at a look at the job.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// On the operator's monotonic clock.
    pub now: Duration,
    /// Since `status.startTime`, on the wall's clock.
    pub elapsed: Duration,
    /// Workers that are asked for now; 0 before the first.
    pub desired: u32,
    /// No pod is starting or stopping.
    pub settled: bool,
    /// The workers whose scrape succeeded.
    pub workers: &'a [WorkerSample],
    /// How far the whole job is, from the ledger.
    pub job: Option<&'a JobProgress>,
    /// Pods that find no node.
    pub unschedulable: u32,
    /// What the user wants.
    pub scaling: &'a Scaling,
    /// `activeDeadlineSeconds`. A limit, not a wish: alone it changes nothing, since without a target
    /// `maxWorkers` run; a target beyond it is cut to it.
    pub deadline: Option<Duration>,
}

/// What one worker told.
#[derive(Clone, Debug)]
pub struct WorkerSample {
    /// Its pod's uid or name.
    pub name: String,
    /// Counter `verbatim_audio_seconds_total`: it moves when a recording ends.
    pub audio_seconds: f64,
    /// Since it was ready.
    pub up: Duration,
}

/// What is carried from look to look. Losing it is harmless: workers stay as they are until there are figures again,
/// and there are fewer of them only after a whole delay.
#[derive(Default, Clone, Debug)]
pub struct Memory {
    rates: rate::Rates,
    ledger: ledger::Ledger,
    fleet: fleet::Fleet,
    low: settle::Window,
    /// The first look, in seconds on the operator's clock.
    since: Option<f64>,
}

/// How many workers, why, and how far the job is.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Workers to ask for.
    pub workers: u32,
    /// Why, for the event's reason.
    pub why: Why,
    /// Why, in a sentence for the event and the log.
    pub words: String,
    /// Worker seconds per audio second, from sums.
    pub real_time_factor: Option<f64>,
    /// Audio seconds a second, of the whole fleet as it is now.
    pub speed_up: Option<f64>,
    /// Audio without an outcome, in seconds.
    pub remaining_audio_seconds: Option<f64>,
    /// From now until the job is done.
    pub eta: Option<Duration>,
}

/// Says how many workers shall run.
pub fn decide(observation: &Observation<'_>, memory: &mut Memory) -> Decision {
    let now = observation.now.as_secs_f64();
    let since = *memory.since.get_or_insert(now);
    memory.rates.look(now, observation.workers);
    memory.fleet.look(now, observation);
    memory.ledger.look(now, observation, memory.fleet.worker_seconds());
    let pace = memory.rates.pace(now, &memory.ledger);
    let work = work::left(observation.job, memory.rates.in_flight(now, pace.as_ref()));
    let view = need::View { observation, work: work.as_ref(), pace: pace.as_ref(), watched: now - since };
    let (workers, why) = settle::settle(&view, &need::need(&view), &mut memory.low, now);
    let each = pace.as_ref().map_or_else(Vec::new, |pace| memory.rates.each(now, pace));
    let forecast = eta::forecast(&view, &memory.fleet, &each, workers);
    Decision {
        workers,
        why,
        words: why::words(&view, workers, why, forecast.eta),
        real_time_factor: pace.map(|pace| pace.real_time_factor),
        speed_up: forecast.speed_up,
        remaining_audio_seconds: work.filter(|work| !work.guessed).map(|work| work.audio_seconds),
        eta: forecast.eta,
    }
}
