//! The supervisor and its loop, which runs on the thread that asked for transcripts.
//!
//! Each step of the loop has a file of its own:
//! - `lifecycle`: starts, drains and kills engines, and handles their exits;
//! - `dispatch`: sends files to the current engine;
//! - `messages`: checks messages from engines and answers files;
//! - `monitor`: measures engines at every tick;
//! - `replacement`: decides whether an engine is replaced.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, never, select};

use crate::decide::{BatchBudget, FileQueue};
use crate::engine_event::{EngineEvent, Observer};
use crate::engine_process::EngineMessage;
use crate::fleet::EngineFleet;
use crate::memory_watch::MemoryWatch;
use crate::policy::Policy;
use crate::restart::RestartControl;
use crate::schedule::Schedule;
use crate::transcribe_call::TranscribeCall;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::event::Event;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::task::FileTask;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::transcript::Model;
use verbatim_protocol::{LoadedModel, ToEngine};

/// Capacity of the channel of messages from engines: as many as arrive while one is handled, which takes less
/// than a millisecond. Further messages wait in the socket, and then the engine waits.
const MESSAGES: usize = 64;

/// Supervisor of engine processes, as one transcriber.
pub struct Supervisor {
    pub(crate) options: EngineOptions,
    pub(crate) policy: Policy,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) messages: (Sender<EngineMessage>, Receiver<EngineMessage>),
    pub(crate) fleet: EngineFleet,
    pub(crate) memory: MemoryWatch,
    pub(crate) batch_budget: BatchBudget,
    pub(crate) restart: RestartControl,
    pub(crate) schedule: Schedule,
    /// The last `Ready` message of any engine.
    pub(crate) ready: Option<LoadedModel>,
    pub(crate) handle: Arc<EngineHandle>,
}

impl Supervisor {
    /// A supervisor without engines.
    pub(crate) fn new(options: &EngineOptions, policy: Policy, observer: Arc<dyn Observer>) -> Self {
        Self {
            options: options.clone(),
            policy,
            observer,
            messages: bounded(MESSAGES),
            fleet: EngineFleet::default(),
            memory: MemoryWatch::new(),
            batch_budget: BatchBudget::new(options.max_padded_seconds),
            restart: RestartControl::new(),
            schedule: Schedule::new(Instant::now()),
            ready: None,
            handle: Arc::new(EngineHandle::new(options.max_padded_seconds)),
        }
    }

    /// Limits the number of files in flight from now on; none: as many as the batch budget takes.
    pub fn set_max_in_flight(&mut self, files: Option<usize>) {
        self.policy.max_in_flight = files;
    }

    /// Limits of an engine's resident memory, in bytes: soft and hard.
    pub fn memory_limits(&self) -> (Option<u64>, Option<u64>) {
        let limits = self.memory.host_limits(&self.policy);
        (limits.soft, limits.hard)
    }

    /// Memory of the machine, in bytes.
    pub fn machine_memory(&self) -> u64 {
        self.memory.snapshot().machine.total
    }

    /// Runs until all files of a call are answered, or no engine can be started any more.
    fn run(&mut self, call: &mut TranscribeCall<'_>, stop: &AtomicBool) {
        let mut deadline = None;
        self.schedule.tick_now();
        while !self.restart.is_broken() {
            if deadline.is_none() && stop.load(Ordering::Acquire) {
                deadline = Some(Instant::now() + self.policy.grace_period);
                self.return_waiting_files(call);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) && !call.is_answered() {
                self.kill_busy_engines();
                call.interrupt_all();
            }
            if call.is_over() {
                // Final figures, however short the call was.
                self.measure(Instant::now());
                return;
            }
            self.step(call, deadline.is_some());
        }
        // The caller reports files without an answer.
        call.more = None;
    }

    /// One step of the loop: handles what is due, then the first message, task or tick.
    pub(crate) fn step(&mut self, call: &mut TranscribeCall<'_>, stopping: bool) {
        self.ensure_engine(call, stopping);
        let wants_more = self.dispatch_files(call);
        self.wait_for_input(call, wants_more);
        let now = Instant::now();
        if self.schedule.tick_is_due(now) {
            self.monitor(call, now);
        }
    }

    fn wait_for_input(&mut self, call: &mut TranscribeCall<'_>, wants_more: bool) {
        let nothing = never();
        let more = match &call.more {
            Some(more) if wants_more => more,
            _ => &nothing,
        };
        select! {
            recv(self.messages.1) -> message => {
                // The supervisor holds a sender itself: the channel does not close.
                if let Ok(message) = message {
                    self.handle_message(message, call);
                }
            }
            recv(more) -> task => match task {
                Ok(task) => call.accept(task),
                Err(_) => call.more = None,
            },
            default(self.schedule.until_tick(Instant::now())) => {}
        }
    }

    /// Sets the batch budget of all engines.
    pub(crate) fn set_batch_budget(&mut self, max_padded_seconds: f64, why: &str) {
        self.handle.set_max_padded_seconds(max_padded_seconds);
        for engine in self.fleet.iter() {
            // An engine that does not receive it is killed for its silence.
            let _ = engine.process.send(&ToEngine::Budget { max_padded_seconds });
        }
        self.observer.observe(&EngineEvent::BudgetChanged { max_padded_seconds, why });
    }
}

impl Transcriber for Supervisor {
    fn transcribe(&mut self, tasks: Receiver<FileTask>, on_event: &mut dyn FnMut(Event), stop: &AtomicBool) {
        let mut call = TranscribeCall {
            queue: FileQueue::default(),
            files: HashMap::new(),
            more: Some(tasks),
            on_event,
        };
        self.run(&mut call, stop);
        if let Some(error) = self.restart.error() {
            tracing::error!("{error}");
        }
    }

    fn model(&self) -> Model {
        let unknown = || Model { name: self.options.model.clone(), digest: String::new() };
        self.ready.as_ref().map_or_else(unknown, |ready| ready.model.clone())
    }

    fn language(&self) -> String {
        self.ready.as_ref().map_or_else(String::new, |ready| ready.language.clone())
    }

    fn describe(&self) -> String {
        self.ready.as_ref().map_or_else(String::new, |ready| ready.description.clone())
    }

    fn handle(&self) -> Arc<EngineHandle> {
        Arc::clone(&self.handle)
    }
}
