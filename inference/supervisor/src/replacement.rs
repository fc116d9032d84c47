//! Decides whether an engine is replaced, and how: drained after the next one has loaded, drained at once, or
//! killed.
//!
//! The checks run in the order of their urgency. The decisions themselves are pure functions in
//! [`crate::decide`]; an engine that exits or breaks the protocol by itself is handled in `lifecycle` and
//! `messages`.

use std::time::{Duration, Instant};

use verbatim_crds::contract::RecycleReason;
use verbatim_crds::failure_policy::OnOutOfMemory;

use crate::decide::{self, MemoryPressure, Pace};
use crate::engine_event::EngineNumber;
use crate::supervisor::Supervisor;
use crate::transcribe_call::TranscribeCall;

/// Longest time for an engine to load: a large model from a network file system, at 50 MB/s, takes a minute.
const LOAD_TIMEOUT: Duration = Duration::from_secs(300);

impl Supervisor {
    /// Checks whether an engine is to be replaced, and replaces it.
    pub(crate) fn decide_replacement(
        &mut self,
        number: EngineNumber,
        now: Instant,
        call: &mut TranscribeCall<'_>,
    ) {
        let Some(engine) = self.fleet.get(number) else { return };
        if engine.load_time.is_none() {
            self.check_load_time(number, now, call);
            return;
        }
        let killed = self.check_progress(number, now, call) || self.check_memory(number, call);
        if !killed {
            self.check_growth_and_file_count(number);
        }
    }

    /// Kills an engine that takes too long to load.
    fn check_load_time(&mut self, number: EngineNumber, now: Instant, call: &mut TranscribeCall<'_>) {
        let Some(engine) = self.fleet.get(number) else { return };
        if now.duration_since(engine.started) > LOAD_TIMEOUT {
            let why = format!("did not load within {} s", LOAD_TIMEOUT.as_secs());
            self.kill(number, RecycleReason::Wedged, &why, None, call);
        }
    }

    /// Kills an engine that hangs. Returns whether it is gone.
    fn check_progress(&mut self, number: EngineNumber, now: Instant, call: &mut TranscribeCall<'_>) -> bool {
        let Some(engine) = self.fleet.get(number) else { return true };
        let files = engine.file_activity();
        let pace = Pace { rtf: engine.real_time_factor(), budget_seconds: self.batch_budget.current() };
        let floor = self.policy.wedged_after;
        let Some(wedged) = decide::wedged_file(now, &files, &pace, floor) else { return false };
        let begun = engine.files.get(&wedged.action).is_some_and(|file| file.begun.is_some());
        // A single silent file is the culprit; where several are silent, the engine hangs.
        let single = decide::overdue_files(now, &files, &pace, floor).len() == 1;
        let hung = (single && begun).then_some(wedged.action);
        let why = format!("{}: {}", call.name(wedged.action), wedged.why);
        self.kill(number, RecycleReason::Wedged, &why, hung, call);
        true
    }

    /// Drains or kills an engine for its memory, or loads the next one in time. Returns whether it is gone.
    fn check_memory(&mut self, number: EngineNumber, call: &mut TranscribeCall<'_>) -> bool {
        let Some(engine) = self.fleet.get(number) else { return true };
        let host = self.memory.host_pressure(engine, &self.policy);
        let (pressure, soft_limit) = match self.memory.gpu_pressure(engine, &self.policy) {
            Some(gpu) if gpu.action > host.action => (gpu, RecycleReason::GpuMemory),
            _ => (host, RecycleReason::Memory),
        };
        match pressure.action {
            MemoryPressure::None => {}
            MemoryPressure::Prepare => self.preload_next(number, &pressure.why),
            MemoryPressure::Drain => {
                self.shrink_oversized_batches(number);
                self.drain(number, soft_limit, &pressure.why);
            }
            MemoryPressure::Kill => {
                self.kill(number, RecycleReason::OutOfMemory, &pressure.why, None, call);
                return true;
            }
        }
        false
    }

    /// Makes batches smaller where they alone took an engine above its soft limit.
    fn shrink_oversized_batches(&mut self, number: EngineNumber) {
        let shrinks =
            self.policy.on_out_of_memory == OnOutOfMemory::ShrinkAndRetry && !self.batch_budget.is_minimum();
        let Some(engine) = self.fleet.serving_mut(number).filter(|_| shrinks) else { return };
        let growth = engine.recent_growth.per_file();
        let budget = self.batch_budget.current();
        if let Some(decision) = decide::oversized_batches(engine.audio_seconds, budget, growth) {
            let smaller =
                self.batch_budget.on_oversized_batches(&format!("engine {number}: {}", decision.why));
            self.set_batch_budget(smaller.action, &smaller.why);
        }
    }

    /// Replaces an engine that grows too fast or has processed its number of files. Neither is urgent: the
    /// next engine loads first.
    fn check_growth_and_file_count(&mut self, number: EngineNumber) {
        let max_growth = self.policy.memory_growth_per_hour.0;
        let max_files = self.policy.max_files;
        let Some(engine) = self.fleet.serving_mut(number) else { return };
        let files = engine.files_sent;
        let growth = engine.growth_estimate.and_then(|growth| decide::growth_exceeded(&growth, max_growth));
        if let Some(decision) = growth {
            self.preload_next(number, &decision.why);
            if self.fleet.next_is_ready() {
                self.drain(number, RecycleReason::Growth, &format!("engine {number}: {}", decision.why));
            }
        } else if let Some(decision) = decide::max_files(files, max_files) {
            self.drain(number, RecycleReason::MaxFiles, &format!("engine {number}: {}", decision.why));
        } else if max_files > 0 && files * 4 >= max_files * 3 {
            self.preload_next(number, "it has been sent three quarters of its number of files");
        }
    }
}
