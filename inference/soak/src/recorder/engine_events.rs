//! Events of the supervisor as lines of the record.

use super::{Completion, Engine, Recorder};
use crate::record::SoakEvent;
use verbatim_supervisor::engine_event::{EngineEvent, Observer};

impl Observer for Recorder {
    fn observe(&self, engine_event: &EngineEvent<'_>) {
        let elapsed_seconds = self.elapsed().as_secs_f64();
        let mut state = self.lock();
        let event = match engine_event {
            EngineEvent::EngineStarted { engine, pid } => {
                state.engines.insert(*engine, Engine { pid: *pid, files: 0 });
                SoakEvent::EngineStarted { engine: *engine, pid: *pid }
            }
            EngineEvent::EngineReady { engine, load, .. } => {
                SoakEvent::EngineReady { engine: *engine, load_seconds: load.as_secs_f64() }
            }
            EngineEvent::RecycleDecided { engine, reason, why } => {
                state.counts.recycles += 1;
                SoakEvent::EngineReplaced {
                    engine: *engine,
                    reason: reason.as_str().to_owned(),
                    orderly: reason.is_orderly(),
                    why: (*why).to_owned(),
                }
            }
            EngineEvent::EngineExited { engine, how, files } => {
                SoakEvent::EngineExited { engine: *engine, how: (*how).to_owned(), files: *files }
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
            EngineEvent::FileBegun { engine, file: task_id, attempt, resident, .. } => {
                let Some(file) = state.in_flight.get_mut(task_id) else { return };
                (file.attempts, file.engine, file.resident_before) = (*attempt, *engine, *resident);
                let fault = self.faults.fault(*task_id, &file.task.name);
                match fault.filter(|fault| *attempt == 1 || fault.injected.every_attempt) {
                    Some(fault) => SoakEvent::FaultInjected {
                        fault: fault.name.clone(),
                        task_id: *task_id,
                        engine: *engine,
                    },
                    None => return,
                }
            }
            EngineEvent::FileDone { engine, file, audio_seconds, processing_seconds, resident } => {
                let files = state.engines.get_mut(engine).map_or(0, |engine| {
                    engine.files += 1;
                    engine.files - 1
                });
                if let Some(file) = state.in_flight.get_mut(file) {
                    file.engine_files = files;
                    file.completion = Some(Completion {
                        audio_seconds: *audio_seconds,
                        processing_seconds: *processing_seconds,
                        resident: *resident,
                    });
                }
                return;
            }
            EngineEvent::Measured(snapshot) => {
                state.write_resources(snapshot, elapsed_seconds);
                return;
            }
            _ => return,
        };
        state.write_event(elapsed_seconds, event);
    }
}
