//! Scaling: the number of workers, and the time when the job will be done. Pure; see docs/scaling.md.

mod backlog;
mod demand;
mod eta;
mod fleet_rate;
mod hysteresis;
mod input;
mod ledger_rate;
mod presence;
mod reason;
#[cfg(test)]
mod tests;
mod worker_rate;

use std::time::Duration;

pub use self::input::{ScalingInput, WorkerSample};
pub use self::reason::ScalingReason;

/// State between reconciles. Losing it is harmless: the number of workers stays until there are measurements
/// again, and decreases only after a whole delay.
#[derive(Default, Clone, Debug)]
pub struct ScalingState {
    rates: fleet_rate::FleetRate,
    ledger: ledger_rate::LedgerRate,
    presence: presence::Presence,
    low: hysteresis::Window,
    /// First reconcile, in seconds on the operator's clock.
    since: Option<f64>,
}

/// Number of workers with its reason, and figures of the job.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingDecision {
    /// Desired workers.
    pub workers: u32,
    /// Reason, from a closed list.
    pub reason: ScalingReason,
    /// Reason in a sentence, for the event and the log.
    pub message: String,
    /// Worker seconds per audio second, from sums.
    pub real_time_factor: Option<f64>,
    /// Audio seconds per second of the current fleet.
    pub speed_up: Option<f64>,
    /// Audio without an outcome, in seconds.
    pub remaining_audio_seconds: Option<f64>,
    /// Time from now until the job is done.
    pub eta: Option<Duration>,
}

/// Decides the number of workers.
pub fn decide(input: &ScalingInput<'_>, state: &mut ScalingState) -> ScalingDecision {
    let now = input.now.as_secs_f64();
    let since = *state.since.get_or_insert(now);
    state.rates.update(now, input.workers);
    state.presence.update(now, input);
    state.ledger.update(now, input, state.presence.worker_seconds());
    let pace = state.rates.pace(now, &state.ledger);
    let backlog = backlog::remaining(input.job, state.rates.in_flight(now, pace.as_ref()));
    let view = demand::View { input, backlog: backlog.as_ref(), pace: pace.as_ref(), watched: now - since };
    let (workers, reason) = hysteresis::apply_hysteresis(&view, &demand::demand(&view), &mut state.low, now);
    let each = pace.as_ref().map_or_else(Vec::new, |pace| state.rates.each(now, pace));
    let forecast = eta::forecast(&view, &state.presence, &each, workers);
    ScalingDecision {
        workers,
        reason,
        message: reason::message(&view, workers, reason, forecast.eta),
        real_time_factor: pace.map(|pace| pace.real_time_factor),
        speed_up: forecast.speed_up,
        remaining_audio_seconds: backlog
            .filter(|backlog| !backlog.guessed)
            .map(|backlog| backlog.audio_seconds),
        eta: forecast.eta,
    }
}
