//! What the board tells of its state.

use std::collections::BTreeMap;

use super::State;
use crate::board::Moment;
use crate::board::status;
use crate::board::status::{EngineState, SILENCE, Status};
use crate::observe::RecycleReason;
use verbatim_protocol::failure::FailureReason;

impl State {
    /// Whether the supervisor's loop turns.
    pub(in crate::board) fn alive(&self, now: Moment) -> Result<(), String> {
        let silent = now.since(self.beat);
        if silent < SILENCE.as_secs_f64() {
            return Ok(());
        }
        Err(format!("the supervisor's loop has not turned for {silent:.0} s"))
    }

    /// Whether an engine takes files.
    pub(in crate::board) fn ready(&self, now: Moment) -> Result<(), String> {
        let of = |state| self.engines.values().find(move |engine| engine.status.state == state);
        if of(EngineState::Ready).is_some() {
            return Ok(());
        }
        if let Some(engine) = of(EngineState::Starting) {
            let seconds = now.since(engine.started);
            return Err(format!(
                "engine {} has been loading its model for {seconds:.0} s",
                engine.status.number
            ));
        }
        if let Some((since, delay, why)) = &self.backing_off {
            let left = delay.as_secs_f64() - now.since(*since);
            return Err(format!("the next engine starts in {:.0} s: {why}", left.max(0.0)));
        }
        let Some(engine) = of(EngineState::Draining) else { return Err("there is no engine".to_owned()) };
        let why = engine.condemned.last().map_or("", |(_, why)| why.as_str());
        Err(format!("engine {} is being replaced: {why}", engine.status.number))
    }

    /// Everything.
    pub(in crate::board) fn status(&self, now: Moment) -> Status {
        let engines = self.engines.values().map(|engine| {
            let age_seconds = now.since(engine.started);
            status::Engine { age_seconds, ..engine.status.clone() }
        });
        let mut in_flight: Vec<_> = self
            .in_flight
            .values()
            .map(|file| status::InFlight { seconds: now.since(file.begun), ..file.status.clone() })
            .collect();
        in_flight.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        Status {
            version: env!("CARGO_PKG_VERSION"),
            time: now.time.to_string(),
            uptime_seconds: now.since(self.began),
            engines: engines.collect(),
            backing_off: self.backing_off.as_ref().map(|(since, delay, why)| status::BackingOff {
                seconds_left: (delay.as_secs_f64() - now.since(*since)).max(0.0),
                why: why.clone(),
            }),
            files_in_flight: in_flight,
            suspects: self.suspects.values().cloned().collect(),
            recycles: status::Recycles {
                total: self.recycles_by_reason.values().sum(),
                by_reason: named(&self.recycles_by_reason, RecycleReason::as_str),
                last: self.recycles.iter().cloned().collect(),
            },
            failures: status::Failures {
                total: self.failures_by_reason.values().sum(),
                by_reason: named(&self.failures_by_reason, FailureReason::as_str),
                last: self.failures.iter().cloned().collect(),
            },
            budget: self.budget.clone(),
            growth: self.growth,
            memory: self.memory.clone(),
            totals: self.totals,
            progress: self
                .progress
                .map(|progress| status::Run { remaining_files: progress.remaining_files(), progress }),
        }
    }
}

/// Counts by the reasons' words.
fn named<Reason: Copy>(
    counts: &BTreeMap<Reason, u64>,
    word: impl Fn(Reason) -> &'static str,
) -> BTreeMap<&'static str, u64> {
    counts.iter().map(|(reason, count)| (word(*reason), *count)).collect()
}
