//! Engines come and go: started, prepared, condemned, killed, lost.

use std::time::{Duration, Instant};

use super::call::Call;
use super::child::Child;
use super::decide::{self, Ended, GpuRoom, Next, OutOfMemoryRule, Verdict};
use super::engine::{Engine, Flight};
use super::observe::{EngineNumber, Happening, RecycleReason};
use super::start::StartError;
use super::supervised::Supervised;
use verbatim_protocol::ToEngine;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::Failure;

impl Supervised {
    /// Sees to it that an engine takes files, if there is anything for it to do.
    pub(super) fn staff(&mut self, call: &mut Call<'_>, stopping: bool) {
        if self.current.is_none()
            && let Some(next) = self.next
            && self.engine(next).is_some_and(|next| next.takes_files())
        {
            (self.current, self.next) = (Some(next), None);
            if let Some((since, overlapped)) = self.gap.take() {
                let gap = since.elapsed();
                self.observer.observe(&Happening::Gap { engine: next, gap, overlapped });
            }
        }
        let work = (call.more.is_some() && !stopping) || call.queue.waiting() > 0;
        if self.current.is_some() || self.next.is_some() || !work {
            return;
        }
        let waits = self.not_before.is_some_and(|until| Instant::now() < until);
        // An old one that finishes its files: beside it, where there is room.
        if !waits && (self.engines.is_empty() || self.overlap().action) {
            self.start_next(call);
        }
    }

    fn start_next(&mut self, call: &mut Call<'_>) {
        self.not_before = None;
        if let Err(error) = self.start_engine() {
            let why = format!("failed to start an engine: {error}");
            self.fail(&why, StartError::Spawn(error.to_string()));
            if self.broken.is_none() && call.is_over() {
                tracing::warn!("{why}");
            }
        }
    }

    fn start_engine(&mut self) -> std::io::Result<()> {
        let number = self.last_number + 1;
        let mut options = self.options.clone();
        options.max_padded_seconds = self.budget.current();
        let child = Child::start(&self.policy.program, number, &options, self.said.0.clone())?;
        self.last_number = number;
        let oom_kills = self.snapshot.oom_kills();
        self.observer.observe(&Happening::EngineStarted { engine: number, pid: child.pid() });
        self.engines.push(Engine::new(number, child, Instant::now(), oom_kills));
        self.next = Some(number);
        Ok(())
    }

    /// Whether an engine may load beside those that live.
    fn overlap(&self) -> decide::Decision<bool> {
        let gpu = self.snapshot.gpus.iter().max_by_key(|gpu| gpu.engines).and_then(|gpu| {
            let used = gpu.engines.filter(|used| *used > 0)?;
            Some(GpuRoom { available: gpu.total.saturating_sub(gpu.used), next_engine: used })
        });
        decide::overlap(self.snapshot.available(), self.loaded, gpu)
    }

    /// Loads the next engine while this one works on, where memory allows.
    pub(super) fn prepare(&mut self, number: EngineNumber, why: &str) {
        if self.next.is_some() || self.current != Some(number) || self.not_before.is_some() {
            return;
        }
        if self.overlap().action {
            tracing::debug!(engine = number, "the next engine is loaded: {why}");
            if let Err(error) = self.start_engine() {
                tracing::warn!("failed to start an engine beside the old one: {error}");
            }
        }
    }

    /// Replaces an engine in order: it gets no more files, finishes those that it has, and ends.
    pub(super) fn condemn(&mut self, number: EngineNumber, reason: RecycleReason, why: &str) {
        let Some(engine) = self.engine(number).filter(|engine| engine.condemned.is_none()) else { return };
        engine.condemned = Some(reason);
        // One that does not hear it is found out by its silence.
        let _ = engine.child.send(&ToEngine::Drain);
        self.observer.observe(&Happening::EngineCondemned { engine: number, reason, why });
        if self.current == Some(number) {
            self.current = None;
            self.gap = Some((Instant::now(), self.next.is_some()));
        }
        if self.next == Some(number) {
            self.next = None;
        }
    }

    /// Kills an engine; its files in flight go again. `hung`: the file that it hangs on, where that is known.
    pub(super) fn kill(
        &mut self,
        number: EngineNumber,
        reason: RecycleReason,
        why: &str,
        hung: Option<usize>,
        call: &mut Call<'_>,
    ) {
        let Some(mut engine) = self.take(number) else { return };
        let (status, _) = engine.child.kill();
        self.lose(engine, status, reason, why, hung, call);
    }

    /// An engine has closed its socket: it is at its end, by itself.
    pub(super) fn ended(&mut self, number: EngineNumber, call: &mut Call<'_>) {
        let Some(mut engine) = self.take(number) else { return };
        let (status, tail) = engine.child.end();
        let in_order = status.is_some_and(|status| status.success());
        if in_order && engine.condemned.is_some() && engine.files.is_empty() {
            self.gone(&engine, status);
            return;
        }
        self.snapshot.cgroup = self.sampler.cgroup();
        let ended = Ended {
            signal: status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status)),
            code: status.and_then(|status| status.code()),
            stderr_tail: tail,
            oom_kills_before: engine.oom_kills.max(self.oom_kills.before()),
            oom_kills_after: self.snapshot.oom_kills(),
            killed_by_us: None,
        };
        let decision = decide::classify(&ended);
        self.lose(engine, status, decision.action, &decision.why, None, call);
    }

    fn take(&mut self, number: EngineNumber) -> Option<Engine> {
        let index = self.engines.iter().position(|engine| engine.number == number)?;
        if self.current == Some(number) {
            self.current = None;
            self.gap = Some((Instant::now(), self.next.is_some()));
        }
        if self.next == Some(number) {
            self.next = None;
        }
        Some(self.engines.swap_remove(index))
    }

    /// An engine is gone that was not to go, or not like this.
    fn lose(
        &mut self,
        engine: Engine,
        status: Option<std::process::ExitStatus>,
        reason: RecycleReason,
        why: &str,
        hung: Option<usize>,
        call: &mut Call<'_>,
    ) {
        let why = format!("engine {}: {why}", engine.number);
        self.observer.observe(&Happening::EngineCondemned { engine: engine.number, reason, why: &why });
        self.gone(&engine, status);
        let mut rule = OutOfMemoryRule::of(self.policy.on_out_of_memory, self.budget.is_least());
        if reason == RecycleReason::OutOfMemory && rule != OutOfMemoryRule::Fail {
            let smaller = self.budget.on_out_of_memory();
            self.set_budget(smaller.action, &smaller.why);
        } else if reason != RecycleReason::OutOfMemory {
            rule = OutOfMemoryRule::Count;
        }
        let ids: Vec<usize> = engine.files.keys().copied().collect();
        let charged = engine.load.is_some();
        let most = self.policy.max_attempts_per_file;
        for verdict in call.queue.lost(&ids, reason, most, charged, hung, rule) {
            self.judge(&verdict, &why, call);
        }
        let last = StartError::Crashing { why: String::new(), last: why.clone() };
        self.fail(&why, last);
    }

    fn judge(&mut self, verdict: &Verdict, loss: &str, call: &mut Call<'_>) {
        match verdict {
            Verdict::Suspected { id, reason, .. } => {
                let name = call.name(*id);
                self.observer.observe(&Happening::FileSuspected { file: *id, name, reason: *reason });
            }
            Verdict::Failed { id, losses, reason, why, .. } => {
                // One that is out of the way is a file answered: what comes next need not wait for it.
                self.backoff.on_progress();
                let message = format!("{why}; {loss}");
                let failure = Failure { reason: *reason, message, position_seconds: None };
                let (name, attempts) = (call.name(*id), (*losses).max(1));
                self.observer.observe(&Happening::FileFailed {
                    file: *id,
                    name,
                    failure: &failure,
                    attempts,
                });
                call.answer(*id, Event::Failed { id: *id, failure });
            }
        }
    }

    /// An engine failed: the next one may have to wait, or there may be none.
    fn fail(&mut self, why: &str, last: StartError) {
        let delay = self.backoff.on_failure(rand::RngExt::random(&mut self.random));
        if let Some(end) = self.backoff.give_up() {
            let last = match last {
                StartError::Spawn(_) => last,
                _ => StartError::Crashing { why: end.why, last: why.to_owned() },
            };
            self.broken = Some(last);
            return;
        }
        if delay.action > Duration::ZERO {
            self.not_before = Some(Instant::now() + delay.action);
            self.observer.observe(&Happening::BackingOff { delay: delay.action, why: &delay.why });
        }
    }

    pub(super) fn gone(&mut self, engine: &Engine, status: Option<std::process::ExitStatus>) {
        // Where the next one had to wait for this one, there was no gap while this one worked.
        if let Some((since, false)) = &mut self.gap {
            *since = Instant::now();
        }
        let how = status.map_or_else(|| "it does not end".to_owned(), |status| status.to_string());
        self.observer.observe(&Happening::EngineGone {
            engine: engine.number,
            how: &how,
            files: engine.done,
        });
    }

    /// Hands files over as far as the engine takes them. Whether more files could be handed over than there are.
    pub(super) fn hand_over(&mut self, call: &mut Call<'_>) -> bool {
        let window = self.options.threads.max(2);
        let (max_files, max_in_flight) = (self.policy.max_files, self.policy.max_in_flight);
        let Some(current) = self.current else { return false };
        let draining: usize =
            self.engines.iter().filter(|engine| engine.number != current).map(|e| e.files.len()).sum();
        let Some(engine) = self.engine(current).filter(|engine| engine.takes_files()) else { return false };
        loop {
            let full = engine.unbegun() >= window
                || max_in_flight.is_some_and(|most| engine.files.len() + draining >= most.max(1))
                || (max_files > 0 && engine.handed >= max_files);
            if full {
                return false;
            }
            let id = match call.queue.next(engine.files.len()) {
                Next::Fresh(id) | Next::Alone(id) => id,
                Next::Wait => return false,
                Next::Empty => return call.more.is_some(),
            };
            let Some(task) = call.tasks.get(&id) else { continue };
            let bytes = std::fs::metadata(&task.task.path).map_or(0, |metadata| metadata.len());
            // One that does not take it is found out by its silence, and the file goes again.
            let _ = engine.child.send(&ToEngine::File(task.task.clone()));
            let now = Instant::now();
            engine.handed += 1;
            engine.files.insert(id, Flight { sent: now, begun: None, last_event: now, bytes });
        }
    }
}
