//! What the supervisor tells, as lines of the record.

use super::{Recorder, now};
use crate::record::{EventLine, SoakEvent};
use verbatim_supervisor::engine_event::{EngineEvent, Observer};

impl Observer for Recorder {
    fn observe(&self, happening: &EngineEvent<'_>) {
        let elapsed = self.elapsed().as_secs_f64();
        let mut state = self.lock();
        let event = match happening {
            EngineEvent::EngineStarted { engine, pid } => {
                state.engines.insert(*engine, (*pid, 0));
                SoakEvent::EngineStarted { engine: *engine, pid: *pid }
            }
            EngineEvent::EngineReady { engine, load, .. } => {
                SoakEvent::EngineReady { engine: *engine, load_seconds: load.as_secs_f64() }
            }
            EngineEvent::RecycleDecided { engine, reason, why } => {
                state.counts.recycles += 1;
                SoakEvent::EngineCondemned {
                    engine: *engine,
                    reason: reason.as_str().to_owned(),
                    orderly: reason.is_orderly(),
                    why: (*why).to_owned(),
                }
            }
            EngineEvent::EngineExited { engine, how, files } => {
                SoakEvent::EngineGone { engine: *engine, how: (*how).to_owned(), files: *files }
            }
            EngineEvent::Gap { engine, gap, overlapped } => {
                SoakEvent::Gap { engine: *engine, seconds: gap.as_secs_f64(), overlapped: *overlapped }
            }
            EngineEvent::BudgetChanged { max_padded_seconds, why } => {
                SoakEvent::Budget { max_padded_seconds: *max_padded_seconds, why: (*why).to_owned() }
            }
            EngineEvent::BackingOff { delay, why } => {
                SoakEvent::BackingOff { seconds: delay.as_secs_f64(), why: (*why).to_owned() }
            }
            EngineEvent::FileBegun { engine, file, attempt, resident, .. } => {
                let Some(flight) = state.flights.get_mut(file) else { return };
                (flight.attempts, flight.engine, flight.before) = (*attempt, *engine, *resident);
                let strike = self.faults.of(*file, &flight.task.name);
                let fresh = |every_attempt| *attempt == 1 || every_attempt;
                match strike.filter(|strike| fresh(strike.injected.every_attempt)) {
                    Some(strike) => SoakEvent::FaultInjected {
                        fault: strike.name.clone(),
                        task_id: *file,
                        engine: *engine,
                    },
                    None => return,
                }
            }
            EngineEvent::FileDone { engine, file, audio_seconds, processing_seconds, resident } => {
                let files = state.engines.get_mut(engine).map_or(0, |(_, files)| {
                    *files += 1;
                    *files - 1
                });
                if let Some(flight) = state.flights.get_mut(file) {
                    flight.engine_files = files;
                    flight.done = Some((*audio_seconds, *processing_seconds, *resident));
                }
                return;
            }
            EngineEvent::Measured(snapshot) => {
                state.measured(snapshot, elapsed);
                return;
            }
            _ => return,
        };
        state.write_event(&EventLine { timestamp: now(), elapsed_seconds: elapsed, event });
    }
}
