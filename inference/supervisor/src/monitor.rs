//! Monitoring of engines from outside: their memory, growth and orphaned children.

use std::time::Instant;

use crate::child_reaper;
use crate::engine_event::{EngineEvent, EngineNumber};
use crate::supervisor::Supervisor;
use crate::transcribe_call::TranscribeCall;

impl Supervisor {
    /// One tick: measures what is due, then decides about each engine.
    pub(crate) fn monitor(&mut self, call: &mut TranscribeCall<'_>, now: Instant) {
        if self.schedule.measure_is_due(now) {
            self.measure(now);
        }
        let numbers: Vec<EngineNumber> = self.fleet.iter().map(|engine| engine.number).collect();
        for number in numbers {
            let Some(engine) = self.fleet.get_mut(number) else { continue };
            engine.resident = self.memory.resident(engine.process.pid()).unwrap_or(engine.resident);
            self.decide_replacement(number, now, call);
        }
    }

    /// Measures everything, reports it, and waits for orphaned children.
    pub(crate) fn measure(&mut self, now: Instant) {
        let pids = self.fleet.pids();
        self.observer.observe(&EngineEvent::Measured(self.memory.measure(&pids, now)));
        let memory = self.memory.host_limits(&self.policy);
        let max_padded_seconds = self.batch_budget.current();
        self.observer.observe(&EngineEvent::Limits { memory, max_padded_seconds });
        self.estimate_growth(now);
        if self.policy.reap_orphans {
            let engines: Vec<u32> = pids.iter().map(|(_, pid)| *pid).collect();
            child_reaper::reap_orphans(&engines);
        }
    }

    fn estimate_growth(&mut self, now: Instant) {
        let (seconds, estimate_is_due) = (self.schedule.seconds(now), self.schedule.estimate_is_due(now));
        for engine in self.fleet.iter_mut() {
            let (audio, files) = (engine.audio_seconds, engine.files_done);
            engine.growth_monitor.push(seconds, audio, files, engine.resident);
            if !estimate_is_due {
                continue;
            }
            engine.growth_estimate = engine.growth_monitor.estimate();
            if let Some(estimate) = engine.growth_estimate {
                self.observer.observe(&EngineEvent::GrowthEstimated {
                    engine: engine.number,
                    per_hour: estimate.per_hour,
                    per_audio_hour: estimate.per_audio_hour,
                });
            }
        }
    }
}
