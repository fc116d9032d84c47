//! Answers to `/healthz`, `/readyz` and `/status`.

use std::collections::BTreeMap;

use verbatim_crds::contract::RecycleReason;

use crate::status::moment::Moment;
use crate::status::response::{
    BackingOffStatus, EngineState, EngineStatus, FailureSummary, FileStatus, RecycleSummary, RunProgress,
    SILENCE, Status,
};
use crate::status::state::StatusState;
use verbatim_protocol::failure::FailureReason;

impl StatusState {
    /// Whether the supervisor's loop runs.
    pub(super) fn alive(&self, now: Moment) -> Result<(), String> {
        let silent = now.since(self.heartbeat);
        if silent < SILENCE.as_secs_f64() {
            return Ok(());
        }
        Err(format!("the supervisor's loop has not run for {silent:.0} s"))
    }

    /// Whether an engine takes files.
    pub(super) fn ready(&self, now: Moment) -> Result<(), String> {
        let engine_in = |state| self.engines.values().find(move |engine| engine.status.state == state);
        if engine_in(EngineState::Ready).is_some() {
            return Ok(());
        }
        if let Some(engine) = engine_in(EngineState::Starting) {
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
        let Some(engine) = engine_in(EngineState::Draining) else {
            return Err("no engine is running".to_owned());
        };
        let why = engine.recycled_for.last().map_or("", |(_, why)| why.as_str());
        Err(format!("engine {} is being replaced: {why}", engine.status.number))
    }

    /// The whole status.
    pub(super) fn status(&self, now: Moment) -> Status {
        let engines = self.engines.values().map(|engine| {
            let age_seconds = now.since(engine.started);
            EngineStatus { age_seconds, ..engine.status.clone() }
        });
        let mut in_flight: Vec<_> = self
            .in_flight
            .values()
            .map(|file| FileStatus { seconds: now.since(file.begun), ..file.status.clone() })
            .collect();
        in_flight.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        Status {
            version: env!("CARGO_PKG_VERSION"),
            time: now.time.to_string(),
            uptime_seconds: now.since(self.began),
            engines: engines.collect(),
            backing_off: self.backing_off.as_ref().map(|(since, delay, why)| BackingOffStatus {
                seconds_left: (delay.as_secs_f64() - now.since(*since)).max(0.0),
                why: why.clone(),
            }),
            files_in_flight: in_flight,
            suspects: self.suspects.values().cloned().collect(),
            recycles: RecycleSummary {
                total: self.recycles_by_reason.values().sum(),
                by_reason: by_name(&self.recycles_by_reason, RecycleReason::as_str),
                last: self.recycles.iter().cloned().collect(),
            },
            failures: FailureSummary {
                total: self.failures_by_reason.values().sum(),
                by_reason: by_name(&self.failures_by_reason, FailureReason::as_str),
                last: self.failures.iter().cloned().collect(),
            },
            budget: self.budget.clone(),
            growth: self.growth,
            memory: self.memory.clone(),
            totals: self.totals,
            progress: self
                .progress
                .map(|progress| RunProgress { remaining_files: progress.remaining_files(), progress }),
        }
    }
}

/// Counts by the names of the reasons.
fn by_name<Reason: Copy>(
    counts: &BTreeMap<Reason, u64>,
    name: impl Fn(Reason) -> &'static str,
) -> BTreeMap<&'static str, u64> {
    counts.iter().map(|(reason, count)| (name(*reason), *count)).collect()
}
