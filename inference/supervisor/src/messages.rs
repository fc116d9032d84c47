//! Messages from engines, checked against what the supervisor asked for. A message that does not fit is an
//! engine failure.

use std::sync::Arc;
use std::time::Instant;

use crate::engine_event::{EngineEvent, EngineNumber};
use crate::engine_process::EngineMessage;
use crate::fault_injection;
use crate::start_error::StartError;
use crate::supervisor::Supervisor;
use crate::transcribe_call::TranscribeCall;
use verbatim_crds::contract::RecycleReason;
use verbatim_protocol as protocol;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::{FailureReason, is_out_of_memory};
use verbatim_protocol::{FromEngine, LoadErrorKind, LoadedModel, ProtocolError, ToEngine};

impl Supervisor {
    /// Handles a message. Messages of engines that are gone are ignored.
    pub(crate) fn handle_message(&mut self, message: EngineMessage, call: &mut TranscribeCall<'_>) {
        let EngineMessage { engine: number, message } = message;
        let Some(engine) = self.fleet.get_mut(number) else { return };
        let greeted = engine.sandbox.is_some();
        match message {
            Err(ProtocolError::Closed | ProtocolError::Socket(_)) => self.handle_exit(number, call),
            Err(error) => self.protocol_violation(number, &verbatim_text::error_chain(&error), call),
            Ok(FromEngine::Hello { version: protocol::VERSION, sandbox }) if !greeted => {
                engine.sandbox = Some(sandbox);
            }
            Ok(FromEngine::Hello { version, .. }) => {
                let what = format!("second greeting, or greeting in version {version}");
                self.protocol_violation(number, &what, call);
            }
            Ok(_) if !greeted => self.protocol_violation(number, "no greeting", call),
            Ok(FromEngine::Ready(ready)) if engine.load_time.is_none() => self.handle_ready(number, ready),
            Ok(FromEngine::Ready(_)) => self.protocol_violation(number, "ready a second time", call),
            Ok(FromEngine::LoadFailed { kind, message }) => {
                self.handle_unready(number, kind, message, call);
            }
            Ok(FromEngine::Event(event)) => {
                if let Err(violation) = self.handle_event(number, event, call) {
                    self.protocol_violation(number, &violation, call);
                }
            }
            Ok(FromEngine::Stats(stats)) => {
                engine.stats = stats;
                self.observer.observe(&EngineEvent::EngineStats { engine: number, stats: &stats });
            }
        }
    }

    fn protocol_violation(&mut self, engine: EngineNumber, what: &str, call: &mut TranscribeCall<'_>) {
        self.kill(engine, RecycleReason::Protocol, &format!("protocol violation: {what}"), None, call);
    }

    fn handle_ready(&mut self, number: EngineNumber, ready: LoadedModel) {
        let Some(engine) = self.fleet.get_mut(number) else { return };
        let load = engine.started.elapsed();
        engine.load_time = Some(load);
        // It was started with the budget of that time.
        let max_padded_seconds = self.batch_budget.current();
        let _ = engine.process.send(&ToEngine::Budget { max_padded_seconds });
        engine.resident = self.memory.resident(engine.process.pid()).unwrap_or(0);
        self.memory.engine_is_ready(engine, load, &self.policy);
        self.restart.engine_is_ready();
        self.observer.observe(&EngineEvent::EngineReady {
            engine: number,
            load,
            description: &ready.description,
            sandbox: engine.sandbox.as_deref().unwrap_or_default(),
        });
        self.ready = Some(ready);
    }

    /// Handles an engine that cannot load the model. If none was ever ready, the supervisor gives up.
    fn handle_unready(
        &mut self,
        engine: EngineNumber,
        kind: LoadErrorKind,
        message: String,
        call: &mut TranscribeCall<'_>,
    ) {
        let out_of_memory = is_out_of_memory(&message);
        if self.ready.is_none() && !out_of_memory {
            self.restart.give_up(StartError::Unready { kind, message });
            return;
        }
        let reason = if out_of_memory { RecycleReason::OutOfMemory } else { RecycleReason::Crash };
        self.kill(engine, reason, &format!("failed to load: {message}"), None, call);
    }

    /// Handles an event about a file. The error describes a violation of the protocol.
    fn handle_event(
        &mut self,
        number: EngineNumber,
        event: Event,
        call: &mut TranscribeCall<'_>,
    ) -> Result<(), String> {
        let now = Instant::now();
        let id = event.id();
        let observer = Arc::clone(&self.observer);
        let Some(engine) = self.fleet.get_mut(number) else { return Ok(()) };
        let resident = self.memory.resident(engine.process.pid()).unwrap_or(0);
        let Some(file) = engine.files.get_mut(&id) else {
            return Err(format!("event for file {id}, which is not in flight"));
        };
        file.last_event = now;
        match event {
            Event::Begun { .. } if file.begun.is_some() => return Err(format!("file {id} begun twice")),
            _ if file.begun.is_none() && !matches!(event, Event::Begun { .. }) => {
                return Err(format!("event for file {id} before it was begun"));
            }
            Event::Begun { .. } => {
                file.begun = Some(now);
                let waited = now - file.sent;
                call.queue.begun(id);
                let signal = call.files.get_mut(&id).and_then(|file| {
                    file.attempts += 1;
                    fault_injection::signal_for(&mut file.task)
                });
                let (name, attempt) = (call.name(id), call.attempts(id));
                observer.observe(&EngineEvent::FileBegun {
                    engine: number,
                    file: id,
                    name,
                    attempt,
                    waited,
                    resident,
                });
                if let Some(signal) = signal {
                    engine.process.signal(signal);
                }
                (call.on_event)(event);
            }
            Event::Progress { .. } => (call.on_event)(event),
            Event::Done { ref result, .. } => {
                let audio_seconds = result.audio.duration_seconds;
                let processing_seconds = result.processing_seconds;
                if !(audio_seconds.is_finite() && processing_seconds.is_finite()) {
                    return Err(format!("times of file {id} are not finite"));
                }
                engine.files.remove(&id);
                engine.files_done += 1;
                engine.audio_seconds += audio_seconds;
                engine.recent_growth.push(self.schedule.seconds(now), engine.files_done, resident);
                observer.observe(&EngineEvent::FileDone {
                    engine: number,
                    file: id,
                    audio_seconds,
                    processing_seconds,
                    resident,
                });
                self.answer(id, event, audio_seconds, call);
            }
            Event::Failed { ref failure, .. } => {
                if failure.reason == FailureReason::OutOfMemory {
                    // After a failed allocation the process may be unusable.
                    let why = format!("out of memory: {}", failure.message);
                    self.kill(number, RecycleReason::OutOfMemory, &why, None, call);
                    return Ok(());
                }
                engine.files.remove(&id);
                engine.files_done += 1;
                let (name, attempts) = (call.name(id), call.attempts(id));
                observer.observe(&EngineEvent::FileFailed { file: id, name, failure, attempts });
                self.answer(id, event, 0.0, call);
            }
        }
        Ok(())
    }

    /// Answers a file; the back-off ends, and the batch budget may grow.
    fn answer(&mut self, id: usize, event: Event, audio_seconds: f64, call: &mut TranscribeCall<'_>) {
        call.queue.done(id);
        self.restart.file_was_answered();
        if let Some(larger) = self.batch_budget.on_progress(audio_seconds) {
            self.set_batch_budget(larger.action, &larger.why);
        }
        call.answer(id, event);
    }
}
