//! What engines say, held against what they were asked. Whatever does not fit is an engine failure.

use std::time::Instant;

use super::call::Call;
use super::child::Said;
use super::decide;
use super::faults;
use super::observe::{EngineNumber, Happening, RecycleReason};
use super::start::StartError;
use super::supervised::Supervised;
use verbatim_protocol as protocol;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::{FailureReason, is_out_of_memory};
use verbatim_protocol::{FromEngine, LoadErrorKind, LoadedModel, ProtocolError, ToEngine};

impl Supervised {
    /// Takes in what an engine said. Engines that are gone already are not heard.
    pub(super) fn hear(&mut self, Said { engine, what }: Said, call: &mut Call<'_>) {
        let Some(known) = self.engine(engine) else { return };
        let greeted = known.sandbox.is_some();
        match what {
            Err(ProtocolError::Closed | ProtocolError::Socket(_)) => self.ended(engine, call),
            Err(error) => self.breach(engine, &verbatim_text::error_chain(&error), call),
            Ok(FromEngine::Hello { version: protocol::VERSION, sandbox }) if !greeted => {
                known.sandbox = Some(sandbox);
            }
            Ok(FromEngine::Hello { version, .. }) => {
                self.breach(engine, &format!("a greeting in version {version}, or a second one"), call);
            }
            Ok(_) if !greeted => self.breach(engine, "no greeting", call),
            Ok(FromEngine::Ready(ready)) if known.load.is_none() => self.ready(engine, ready),
            Ok(FromEngine::Ready(_)) => self.breach(engine, "ready a second time", call),
            Ok(FromEngine::LoadFailed { kind, message }) => self.unready(engine, kind, message, call),
            Ok(FromEngine::Event(event)) => {
                if let Err(wrong) = self.event(engine, event, call) {
                    self.breach(engine, &wrong, call);
                }
            }
            Ok(FromEngine::Stats(stats)) => {
                known.stats = stats;
                self.observer.observe(&Happening::EngineStats { engine, stats: &stats });
            }
        }
    }

    fn breach(&mut self, engine: EngineNumber, what: &str, call: &mut Call<'_>) {
        self.kill(engine, RecycleReason::Protocol, &format!("it broke the protocol: {what}"), None, call);
    }

    fn ready(&mut self, number: EngineNumber, ready: LoadedModel) {
        let budget = self.budget.current();
        let Some(engine) = self.engine(number) else { return };
        let load = engine.started.elapsed();
        engine.load = Some(load);
        let pid = engine.child.pid();
        // It was started with the budget of then.
        let _ = engine.child.send(&ToEngine::Budget { max_padded_seconds: budget });
        let sandbox = engine.sandbox.clone().unwrap_or_default();
        let resident = self.sampler.quick(pid).unwrap_or(0);
        if let Some(engine) = self.engine(number) {
            engine.resident = resident;
        }
        self.loaded = resident;
        self.check_soft_limit(number, resident);
        self.load = load;
        self.backoff.on_ready();
        self.observer.observe(&Happening::EngineReady {
            engine: number,
            load,
            description: &ready.description,
            sandbox: &sandbox,
        });
        self.ready = Some(ready);
    }

    /// A limit that no engine can stay below is told, once, and left alone.
    fn check_soft_limit(&mut self, number: EngineNumber, ready: u64) {
        let too_low = decide::too_low(&format!("engine {number}"), ready, &self.watermarks());
        if let Some(decision) = too_low {
            tracing::warn!("{}; it is left alone", decision.why);
            self.soft_limit_is_too_low = true;
        }
    }

    /// The engine has said why it cannot load the model. Before there ever was one, that is the end.
    fn unready(&mut self, engine: EngineNumber, kind: LoadErrorKind, message: String, call: &mut Call<'_>) {
        if self.ready.is_none() && !is_out_of_memory(&message) {
            self.broken = Some(StartError::Unready { kind, message });
            return;
        }
        let reason =
            if is_out_of_memory(&message) { RecycleReason::OutOfMemory } else { RecycleReason::Crash };
        self.kill(engine, reason, &format!("it could not load: {message}"), None, call);
    }

    /// Takes an event in, or says why it cannot be.
    fn event(&mut self, number: EngineNumber, event: Event, call: &mut Call<'_>) -> Result<(), String> {
        let now = Instant::now();
        let id = event.id();
        let resident = self.engine(number).map(|engine| engine.child.pid());
        let resident = resident.and_then(|pid| self.sampler.quick(pid)).unwrap_or(0);
        let observer = std::sync::Arc::clone(&self.observer);
        let began = self.began;
        let Some(engine) = self.engine(number) else { return Ok(()) };
        let Some(flight) = engine.files.get_mut(&id) else {
            return Err(format!("an event for file {id}, which it does not have"));
        };
        flight.last_event = now;
        match event {
            Event::Begun { .. } if flight.begun.is_some() => return Err(format!("file {id} begun twice")),
            _ if flight.begun.is_none() && !matches!(event, Event::Begun { .. }) => {
                return Err(format!("an event for file {id} before it was begun"));
            }
            Event::Begun { .. } => {
                flight.begun = Some(now);
                let waited = now - flight.sent;
                call.queue.begun(id);
                let fault = call.tasks.get_mut(&id).and_then(|task| {
                    task.begun += 1;
                    faults::strike(&mut task.task)
                });
                let (name, attempt) = (call.name(id), call.begun(id));
                observer.observe(&Happening::FileBegun {
                    engine: number,
                    file: id,
                    name,
                    attempt,
                    waited,
                    resident,
                });
                if let Some(signal) = fault {
                    engine.child.signal(signal);
                }
                (call.on_event)(event);
            }
            Event::Progress { .. } => (call.on_event)(event),
            Event::Done { ref result, .. } => {
                let audio_seconds = result.audio.duration_seconds;
                let processing_seconds = result.processing_seconds;
                if !(audio_seconds.is_finite() && processing_seconds.is_finite()) {
                    return Err(format!("times of file {id} that are no numbers"));
                }
                engine.files.remove(&id);
                engine.done += 1;
                engine.audio_seconds += audio_seconds;
                engine.rate.push((now - began).as_secs_f64(), engine.done, resident);
                observer.observe(&Happening::FileDone {
                    engine: number,
                    file: id,
                    audio_seconds,
                    processing_seconds,
                    resident,
                });
                call.queue.done(id);
                self.progress(audio_seconds);
                call.answer(id, event);
            }
            Event::Failed { ref failure, .. } => {
                if failure.reason == FailureReason::OutOfMemory {
                    // After one failed allocation a process can be unusable.
                    let why = format!("it ran out of memory: {}", failure.message);
                    self.kill(number, RecycleReason::OutOfMemory, &why, None, call);
                    return Ok(());
                }
                engine.files.remove(&id);
                engine.done += 1;
                let attempts = call.begun(id);
                observer.observe(&Happening::FileFailed { file: id, name: call.name(id), failure, attempts });
                call.queue.done(id);
                self.progress(0.0);
                call.answer(id, event);
            }
        }
        Ok(())
    }

    /// A file was answered: engines work here.
    fn progress(&mut self, audio_seconds: f64) {
        self.backoff.on_progress();
        if let Some(more) = self.budget.on_progress(audio_seconds) {
            self.set_budget(more.action, &more.why);
        }
    }

    /// Tells the budget to all engines.
    pub(super) fn set_budget(&mut self, max_padded_seconds: f64, why: &str) {
        self.handle.set_max_padded_seconds(max_padded_seconds);
        for engine in &self.engines {
            // One that does not hear it is found out by its silence.
            let _ = engine.child.send(&ToEngine::Budget { max_padded_seconds });
        }
        self.observer.observe(&Happening::Budget { max_padded_seconds, why });
    }
}
