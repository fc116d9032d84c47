//! Lifecycle of engines: they start, drain, are killed, exit or are lost.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Instant;

use crate::decide::{self, EngineExit, OutOfMemoryRule, SuspectVerdict};
use crate::engine::Engine;
use crate::engine_event::{EngineEvent, EngineNumber};
use crate::engine_process::EngineProcess;
use crate::start_error::StartError;
use crate::supervisor::Supervisor;
use crate::transcribe_call::TranscribeCall;
use verbatim_crds::contract::RecycleReason;
use verbatim_protocol::ToEngine;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::Failure;

impl Supervisor {
    /// Makes sure that an engine takes files or loads, as long as there is work.
    pub(crate) fn ensure_engine(&mut self, call: &TranscribeCall<'_>, stopping: bool) {
        if let Some((engine, Some(gap))) = self.fleet.promote_next() {
            let event = EngineEvent::Gap { engine, gap: gap.elapsed(), overlapped: gap.overlapped };
            self.observer.observe(&event);
        }
        let work = (call.more.is_some() && !stopping) || call.queue.waiting() > 0;
        if self.fleet.current().is_some() || self.fleet.next().is_some() || !work {
            return;
        }
        // An old engine may still finish its files: the next one loads beside it where memory allows.
        let fits = self.fleet.is_empty() || self.memory.fits_another_engine().action;
        if self.restart.may_start(Instant::now()) && fits {
            self.start_next(call);
        }
    }

    fn start_next(&mut self, call: &TranscribeCall<'_>) {
        self.restart.starting();
        if let Err(error) = self.start_engine() {
            self.count_failure(|_| StartError::Spawn(error.to_string()));
            if !self.restart.is_broken() && call.is_over() {
                tracing::warn!("failed to start an engine: {error}");
            }
        }
    }

    fn start_engine(&mut self) -> std::io::Result<()> {
        let number = self.fleet.new_number();
        let mut options = self.options.clone();
        options.max_padded_seconds = self.batch_budget.current();
        let messages = self.messages.0.clone();
        let process = EngineProcess::start(&self.policy.program, number, &options, messages)?;
        self.observer.observe(&EngineEvent::EngineStarted { engine: number, pid: process.pid() });
        self.fleet.add(Engine::new(number, process, self.memory.snapshot().oom_kills()));
        Ok(())
    }

    /// Starts the next engine beside the current one, where memory allows, so that no audio waits for it.
    pub(crate) fn preload_next(&mut self, number: EngineNumber, why: &str) {
        let is_current = self.fleet.current() == Some(number);
        if self.fleet.next().is_some() || !is_current || self.restart.is_backing_off() {
            return;
        }
        if self.memory.fits_another_engine().action {
            tracing::debug!(engine = number, "loading the next engine: {why}");
            if let Err(error) = self.start_engine() {
                tracing::warn!("failed to start an engine beside the current one: {error}");
            }
        }
    }

    /// Drains an engine: it takes no more files, finishes those in flight and exits.
    pub(crate) fn drain(&mut self, number: EngineNumber, reason: RecycleReason, why: &str) {
        let Some(engine) = self.fleet.serving_mut(number) else { return };
        engine.draining = Some(reason);
        // An engine that does not receive it is killed for its silence.
        let _ = engine.process.send(&ToEngine::Drain);
        self.observer.observe(&EngineEvent::RecycleDecided { engine: number, reason, why });
        self.fleet.withdraw(number);
    }

    /// Kills an engine; its files in flight run again. `hung` is the file that it hangs on, where that is
    /// known.
    pub(crate) fn kill(
        &mut self,
        number: EngineNumber,
        reason: RecycleReason,
        why: &str,
        hung: Option<usize>,
        call: &mut TranscribeCall<'_>,
    ) {
        let Some(mut engine) = self.fleet.remove(number) else { return };
        let (status, _) = engine.process.kill();
        self.handle_loss(&engine, status, reason, why, hung, call);
    }

    /// Handles an engine that has closed its socket: it exits by itself.
    pub(crate) fn handle_exit(&mut self, number: EngineNumber, call: &mut TranscribeCall<'_>) {
        let Some(mut engine) = self.fleet.remove(number) else { return };
        let (status, stderr_tail) = engine.process.wait();
        let succeeded = status.is_some_and(|status| status.success());
        if succeeded && engine.draining.is_some() && engine.files.is_empty() {
            self.report_exit(&engine, status);
            return;
        }
        let (oom_kills_before, oom_kills_after) = self.memory.oom_kills_around_exit(&engine);
        let reason = decide::exit_reason(&EngineExit {
            signal: status.and_then(|status| status.signal()),
            code: status.and_then(|status| status.code()),
            stderr_tail,
            oom_kills_before,
            oom_kills_after,
        });
        self.handle_loss(&engine, status, reason.action, &reason.why, None, call);
    }

    /// Handles the unplanned end of an engine: its files run again or fail, and the next engine may have to
    /// wait.
    fn handle_loss(
        &mut self,
        engine: &Engine,
        status: Option<ExitStatus>,
        reason: RecycleReason,
        why: &str,
        hung: Option<usize>,
        call: &mut TranscribeCall<'_>,
    ) {
        let why = format!("engine {}: {why}", engine.number);
        self.observer.observe(&EngineEvent::RecycleDecided { engine: engine.number, reason, why: &why });
        self.report_exit(engine, status);
        let mut rule = OutOfMemoryRule::of(self.policy.on_out_of_memory, self.batch_budget.is_minimum());
        if reason == RecycleReason::OutOfMemory && rule != OutOfMemoryRule::Fail {
            let smaller = self.batch_budget.on_out_of_memory();
            self.set_batch_budget(smaller.action, &smaller.why);
        } else if reason != RecycleReason::OutOfMemory {
            rule = OutOfMemoryRule::Count;
        }
        let ids: Vec<usize> = engine.files.keys().copied().collect();
        let charged = engine.load_time.is_some();
        let most = self.policy.max_attempts_per_file;
        for verdict in call.queue.lost(&ids, reason, most, charged, hung, rule) {
            self.apply_verdict(&verdict, &why, call);
        }
        self.count_failure(|failures| StartError::Crashing { why: failures, last: why });
    }

    fn apply_verdict(&mut self, verdict: &SuspectVerdict, loss: &str, call: &mut TranscribeCall<'_>) {
        match verdict {
            SuspectVerdict::Suspected { id, reason, .. } => {
                let name = call.name(*id);
                self.observer.observe(&EngineEvent::FileSuspected { file: *id, name, reason: *reason });
            }
            SuspectVerdict::Failed { id, losses, reason, why, .. } => {
                // The failed file was the cause: the next engine need not wait.
                self.restart.file_was_answered();
                let message = format!("{why}; {loss}");
                let failure = Failure { reason: *reason, message, position_seconds: None };
                let (name, attempts) = (call.name(*id), (*losses).max(1));
                self.observer.observe(&EngineEvent::FileFailed {
                    file: *id,
                    name,
                    failure: &failure,
                    attempts,
                });
                call.answer(*id, Event::Failed { id: *id, failure });
            }
        }
    }

    /// Counts a failed engine: the next one may have to wait, or there may be none.
    fn count_failure(&mut self, error: impl FnOnce(String) -> StartError) {
        if let Some(delay) = self.restart.engine_failed(error, Instant::now()) {
            self.observer.observe(&EngineEvent::BackingOff { delay: delay.action, why: &delay.why });
        }
    }

    pub(crate) fn report_exit(&mut self, engine: &Engine, status: Option<ExitStatus>) {
        self.fleet.restart_gap_on_exit();
        let how = status.map_or_else(|| "the process does not exit".to_owned(), |status| status.to_string());
        let (engine, files) = (engine.number, engine.files_done);
        self.observer.observe(&EngineEvent::EngineExited { engine, how: &how, files });
    }
}
