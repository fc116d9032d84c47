//! The supervisor's loop: engines are started, fed, heard, watched and replaced, on the thread that wants transcripts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};

use super::call::Call;
use super::child::Said;
use super::decide::{Backoff, Budget, OomKills, Queue};
use super::engine::Engine;
use super::measure::{Sampler, Snapshot};
use super::observe::{EngineNumber, Observer};
use super::policy::Policy;
use super::start::StartError;
use verbatim_protocol::LoadedModel;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::event::Event;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::task::FileTask;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::transcript::Model;

/// Messages of engines that wait, at most: as many as come in while one is handled, which takes less than a millisecond.
/// What does not fit waits in the socket, and then the engine waits.
const MESSAGES: usize = 64;

/// How often engines' memory and silence are looked at. An engine takes tens of megabytes in that time at most, and a look
/// costs some microseconds.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How often everything is measured, as often as metrics are looked at with any sense.
pub(super) const MEASURE: Duration = Duration::from_secs(1);

/// How often growth is estimated: it takes some milliseconds, and is about minutes and hours.
pub(super) const ESTIMATE: Duration = Duration::from_secs(10);

/// Engines under a supervisor, as one transcriber.
pub struct Supervised {
    pub(super) options: EngineOptions,
    pub(super) policy: Policy,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) said: (Sender<Said>, Receiver<Said>),
    /// Every engine that lives: the one that takes files, the next one, and those that finish their last files.
    pub(super) engines: Vec<Engine>,
    /// The one that takes files.
    pub(super) current: Option<EngineNumber>,
    /// The one that loads, or is ready to take over.
    pub(super) next: Option<EngineNumber>,
    pub(super) last_number: EngineNumber,
    pub(super) sampler: Sampler,
    pub(super) snapshot: Snapshot,
    pub(super) oom_kills: OomKills,
    pub(super) budget: Budget,
    pub(super) backoff: Backoff,
    /// Engines that keep failing are not followed before.
    pub(super) not_before: Option<Instant>,
    /// Since when no engine takes files, and whether the next was started before the last one left.
    pub(super) gap: Option<(Instant, bool)>,
    /// What the last engine that got ready said of itself.
    pub(super) ready: Option<LoadedModel>,
    /// Resident memory of an engine that is ready, as last seen, in bytes; 0 before.
    pub(super) loaded: u64,
    /// The soft limit is below what an engine takes when it is ready: to replace one for it would go on for ever.
    pub(super) soft_limit_is_too_low: bool,
    /// Time that the last engine took to get ready.
    pub(super) load: Duration,
    /// Why no engine can be had any more.
    pub(super) broken: Option<StartError>,
    pub(super) random: rand::rngs::StdRng,
    pub(super) began: Instant,
    pub(super) next_tick: Instant,
    pub(super) next_measure: Instant,
    pub(super) next_estimate: Instant,
    pub(super) handle: Arc<EngineHandle>,
}

impl Supervised {
    pub(super) fn idle(options: &EngineOptions, policy: Policy, observer: Arc<dyn Observer>) -> Self {
        let now = Instant::now();
        let mut sampler = Sampler::new();
        let snapshot = sampler.snapshot(&[]);
        Self {
            options: options.clone(),
            policy,
            observer,
            said: bounded(MESSAGES),
            engines: Vec::new(),
            current: None,
            next: None,
            last_number: 0,
            sampler,
            snapshot,
            oom_kills: OomKills::default(),
            budget: Budget::new(options.max_padded_seconds),
            backoff: Backoff::new(),
            not_before: None,
            gap: None,
            ready: None,
            loaded: 0,
            soft_limit_is_too_low: false,
            load: Duration::ZERO,
            broken: None,
            random: rand::make_rng(),
            began: now,
            next_tick: now,
            next_measure: now,
            next_estimate: now,
            handle: Arc::new(EngineHandle::new(options.max_padded_seconds)),
        }
    }

    /// From now on so many files are in flight together, at most; none: as many as the batch budget takes.
    pub fn set_max_in_flight(&mut self, files: Option<usize>) {
        self.policy.max_in_flight = files;
    }

    /// Limits of an engine's host memory here, in bytes: soft and hard.
    pub fn memory_limits(&self) -> (Option<u64>, Option<u64>) {
        let limits = self.watermarks();
        (limits.soft, limits.hard)
    }

    /// The machine's memory, in bytes.
    pub fn machine_memory(&self) -> u64 {
        self.snapshot.machine.total
    }

    /// Everything until all of a call's files are answered.
    fn run(&mut self, call: &mut Call<'_>, stop: &AtomicBool) {
        let mut deadline = None;
        self.next_tick = Instant::now();
        while self.broken.is_none() {
            if deadline.is_none() && stop.load(Ordering::Acquire) {
                deadline = Some(Instant::now() + self.policy.grace_period);
                call.more = None;
                self.forget_waiting(call);
            }
            let time_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if time_over && !call.tasks.is_empty() {
                self.abandon();
                call.give_back();
            }
            if call.is_over() {
                // The last figures, however short the call was.
                self.measure(Instant::now());
                return;
            }
            self.turn(call, deadline.is_some());
        }
        // What is left unanswered is told as such.
        call.more = None;
    }

    /// One turn: whatever there is to do, then whatever comes first.
    pub(super) fn turn(&mut self, call: &mut Call<'_>, stopping: bool) {
        self.staff(call, stopping);
        let wants_more = self.hand_over(call);
        let nothing = never();
        let more = match &call.more {
            Some(more) if wants_more => more,
            _ => &nothing,
        };
        let patience = self.next_tick.saturating_duration_since(Instant::now());
        select! {
            recv(self.said.1) -> said => {
                // The sender is ours: the channel does not close.
                if let Ok(said) = said {
                    self.hear(said, call);
                }
            }
            recv(more) -> task => match task {
                Ok(task) => call.take(task),
                Err(_) => call.more = None,
            },
            default(patience) => {}
        }
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.watch(call, now);
        }
    }

    pub(super) fn engine(&mut self, number: EngineNumber) -> Option<&mut Engine> {
        self.engines.iter_mut().find(|engine| engine.number == number)
    }

    /// Files that no engine has are given back at once.
    fn forget_waiting(&self, call: &mut Call<'_>) {
        let mut flying: HashMap<usize, super::call::Task> = HashMap::new();
        for id in self.engines.iter().flat_map(|engine| engine.files.keys()) {
            flying.extend(call.tasks.remove(id).map(|task| (*id, task)));
        }
        call.give_back();
        call.tasks = flying;
        call.queue = Queue::default();
    }

    /// Ends engines that have files in flight: nobody wants them any more.
    fn abandon(&mut self) {
        for mut engine in std::mem::take(&mut self.engines) {
            if engine.files.is_empty() {
                self.engines.push(engine);
            } else {
                let (status, _) = engine.child.kill();
                self.gone(&engine, status);
            }
        }
    }
}

impl Transcriber for Supervised {
    fn transcribe(&mut self, tasks: Receiver<FileTask>, on_event: &mut dyn FnMut(Event), stop: &AtomicBool) {
        let mut call = Call { queue: Queue::default(), tasks: HashMap::new(), more: Some(tasks), on_event };
        self.run(&mut call, stop);
        if let Some(broken) = &self.broken {
            tracing::error!("{broken}");
        }
    }

    fn model(&self) -> Model {
        let none = || Model { name: self.options.model.clone(), digest: String::new() };
        self.ready.as_ref().map_or_else(none, |ready| ready.model.clone())
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
