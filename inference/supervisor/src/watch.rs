//! Engines looked at from outside, and what follows: replaced in order, killed, or left alone.

use std::time::Instant;

use verbatim_crds::failure_policy::OnOutOfMemory;

use super::call::Call;
use super::decide::{self, Pace, Pressure, Usage, Watermarks};
use super::engine::Engine;
use super::observe::{EngineNumber, Happening, RecycleReason};
use super::orphans;
use super::supervised::{ESTIMATE, MEASURE, Supervised};

/// How long an engine may take to load: a large model from a network's file system, at 50 MB/s, takes a minute.
const LOAD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(300);

impl Supervised {
    /// One look at everything.
    pub(super) fn watch(&mut self, call: &mut Call<'_>, now: Instant) {
        if now >= self.next_measure {
            self.next_measure = now + MEASURE;
            self.measure(now);
        }
        let numbers: Vec<EngineNumber> = self.engines.iter().map(|engine| engine.number).collect();
        for number in numbers {
            self.look_at(number, now, call);
        }
    }

    pub(super) fn measure(&mut self, now: Instant) {
        let pids: Vec<(u64, u32)> = self.engines.iter().map(|e| (e.number, e.child.pid())).collect();
        self.snapshot = self.sampler.snapshot(&pids);
        self.observer.observe(&Happening::Measured(&self.snapshot));
        let (memory, max_padded_seconds) = (self.watermarks(), self.budget.current());
        self.observer.observe(&Happening::Bounds { memory, max_padded_seconds });
        self.oom_kills.saw(now, self.snapshot.oom_kills());
        let seconds = (now - self.began).as_secs_f64();
        for engine in &mut self.engines {
            engine.growth.push(seconds, engine.audio_seconds, engine.done, engine.resident);
            if now < self.next_estimate {
                continue;
            }
            engine.grows = engine.growth.estimate();
            if let Some(estimate) = engine.grows {
                self.observer.observe(&Happening::Growth {
                    engine: engine.number,
                    per_hour: estimate.per_hour,
                    per_audio_hour: estimate.per_audio_hour,
                });
            }
        }
        if now >= self.next_estimate {
            self.next_estimate = now + ESTIMATE;
        }
        if self.policy.reap_orphans {
            let ours: Vec<u32> = pids.iter().map(|(_, pid)| *pid).collect();
            orphans::reap(&ours);
        }
    }

    fn look_at(&mut self, number: EngineNumber, now: Instant, call: &mut Call<'_>) {
        let Some(pid) = self.engine(number).map(|engine| engine.child.pid()) else { return };
        let resident = self.sampler.quick(pid);
        let Some(engine) = self.engine(number) else { return };
        engine.resident = resident.unwrap_or(engine.resident);
        if engine.load.is_none() {
            if now.duration_since(engine.started) > LOAD_TIMEOUT {
                let why = format!("it did not load within {} s", LOAD_TIMEOUT.as_secs());
                self.kill(number, RecycleReason::Wedged, &why, None, call);
            }
            return;
        }
        if self.hangs(number, now, call) || self.presses(number, call) {
            return;
        }
        self.is_to_be_replaced(number);
    }

    /// Kills an engine that hangs.
    fn hangs(&mut self, number: EngineNumber, now: Instant, call: &mut Call<'_>) -> bool {
        let budget_seconds = self.budget.current();
        let floor = self.policy.wedged_after;
        let Some(engine) = self.engine(number) else { return true };
        let watches = engine.watches();
        let pace = Pace { rtf: engine.real_time_factor(), budget_seconds };
        let Some(wedged) = decide::wedged(now, &watches, &pace, floor) else { return false };
        let begun = engine.files.get(&wedged.action).is_some_and(|flight| flight.begun.is_some());
        // One that is silent alone is the culprit; where several are, it is the engine.
        let alone = decide::overdue(now, &watches, &pace, floor).len() == 1;
        let hung = (alone && begun).then_some(wedged.action);
        let why = format!("{}: {}", call.name(wedged.action), wedged.why);
        self.kill(number, RecycleReason::Wedged, &why, hung, call);
        true
    }

    /// Replaces an engine for its memory, or kills it.
    fn presses(&mut self, number: EngineNumber, call: &mut Call<'_>) -> bool {
        let Some(engine) = self.engines.iter().find(|engine| engine.number == number) else { return true };
        let host = decide::pressure(&format!("engine {number}"), &self.usage(engine), &self.watermarks());
        let gpu = self.gpu_pressure(engine);
        let (decision, orderly) = match gpu {
            Some(gpu) if gpu.action > host.action => (gpu, RecycleReason::GpuMemory),
            _ => (host, RecycleReason::Memory),
        };
        match decision.action {
            Pressure::Fine => false,
            Pressure::Prepare => {
                self.prepare(number, &decision.why);
                false
            }
            Pressure::Drain => {
                self.shrink_if_oversized(number);
                self.condemn(number, orderly, &decision.why);
                false
            }
            Pressure::Kill => {
                self.kill(number, RecycleReason::OutOfMemory, &decision.why, None, call);
                true
            }
        }
    }

    /// Makes batches smaller where they alone took an engine above its soft limit.
    fn shrink_if_oversized(&mut self, number: EngineNumber) {
        let budget = self.budget.current();
        let shrinks =
            self.policy.on_out_of_memory == OnOutOfMemory::ShrinkAndRetry && !self.budget.is_least();
        let Some(engine) = self.engine(number).filter(|engine| engine.condemned.is_none()) else { return };
        let growth = engine.rate.growth_per_file();
        if let Some(decision) = decide::oversized(engine.audio_seconds, budget, growth).filter(|_| shrinks) {
            let smaller = self.budget.on_oversized(&format!("engine {number}: {}", decision.why));
            self.set_budget(smaller.action, &smaller.why);
        }
    }

    fn usage(&self, engine: &Engine) -> Usage {
        Usage {
            used: engine.resident,
            growth_per_second: engine.rate.growth_per_second(),
            load_seconds: self.load.as_secs_f64(),
            in_flight: engine.files.len(),
            growth_per_file: engine.rate.growth_per_file(),
        }
    }

    /// Limits for host memory, of what there is now.
    pub(super) fn watermarks(&self) -> Watermarks {
        let total = self.snapshot.limit_total();
        let limits = Watermarks::resolve(self.policy.memory_soft_limit, self.policy.memory_hard_limit, total);
        Watermarks { soft: limits.soft.filter(|_| !self.soft_limit_is_too_low), ..limits }
    }

    /// What GPU memory asks for: of the GPU that our engines use most of, where NVML tells.
    fn gpu_pressure(&self, engine: &Engine) -> Option<decide::Decision<Pressure>> {
        let gpu = self.snapshot.gpus.iter().max_by_key(|gpu| gpu.engines)?;
        let used = gpu.engines.filter(|used| *used > 0)?;
        let limits = Watermarks::resolve(
            self.policy.gpu_memory_soft_limit,
            self.policy.gpu_memory_hard_limit,
            gpu.total,
        );
        let usage = Usage { used, growth_per_second: 0.0, growth_per_file: 0.0, ..self.usage(engine) };
        Some(decide::pressure(&format!("engine {} on GPU {}", engine.number, gpu.index), &usage, &limits))
    }

    /// Replaces an engine that grows too fast or has done its files. Neither is urgent: the next one loads first.
    fn is_to_be_replaced(&mut self, number: EngineNumber) {
        let limit = self.policy.memory_growth_per_hour.0;
        let max_files = self.policy.max_files;
        let Some(engine) = self.engine(number).filter(|engine| engine.condemned.is_none()) else { return };
        let grows = engine.grows.and_then(|estimate| decide::growth(&estimate, limit));
        let handed = engine.handed;
        if let Some(decision) = grows {
            self.prepare(number, &decision.why);
            let next_is_ready =
                self.next.and_then(|next| self.engine(next)).is_none_or(|next| next.takes_files());
            if next_is_ready {
                self.condemn(number, RecycleReason::Growth, &format!("engine {number}: {}", decision.why));
            }
        } else if let Some(decision) = decide::max_files(handed, max_files) {
            self.condemn(number, RecycleReason::MaxFiles, &format!("engine {number}: {}", decision.why));
        } else if max_files > 0 && handed * 4 >= max_files * 3 {
            self.prepare(number, "it has done most of its files");
        }
    }
}
