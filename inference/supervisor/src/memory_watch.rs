//! Memory of engines and machine as last measured, and the decisions that rest on it.

use std::time::{Duration, Instant};

use crate::decide::{self, Decision, GpuHeadroom, MemoryLimits, MemoryPressure, MemoryUsage, OomKills};
use crate::engine::Engine;
use crate::engine_event::EngineNumber;
use crate::measure::{Gpu, Sampler, Snapshot};
use crate::policy::Policy;

/// Last measurements.
pub(crate) struct MemoryWatch {
    sampler: Sampler,
    snapshot: Snapshot,
    oom_kills: OomKills,
    /// Resident memory of the last engine when it became ready, in bytes; 0 before.
    ready_resident: u64,
    /// Time that the last engine took to load.
    load_time: Duration,
    /// The soft limit is below the memory of a ready engine. Replacing engines for it would never end, so it
    /// is ignored.
    soft_limit_is_too_low: bool,
}

impl MemoryWatch {
    pub(crate) fn new() -> Self {
        let mut sampler = Sampler::new();
        let snapshot = sampler.snapshot(&[]);
        Self {
            sampler,
            snapshot,
            oom_kills: OomKills::default(),
            ready_resident: 0,
            load_time: Duration::ZERO,
            soft_limit_is_too_low: false,
        }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Measures everything.
    pub(crate) fn measure(&mut self, engines: &[(EngineNumber, u32)], now: Instant) -> &Snapshot {
        self.snapshot = self.sampler.snapshot(engines);
        self.oom_kills.record(now, self.snapshot.oom_kills());
        &self.snapshot
    }

    /// Resident memory of a process now, in bytes; none if it has exited.
    pub(crate) fn resident(&self, pid: u32) -> Option<u64> {
        self.sampler.resident(pid)
    }

    /// OOM kills in the cgroup before an engine's exit and after it.
    pub(crate) fn oom_kills_around_exit(&mut self, engine: &Engine) -> (u64, u64) {
        self.snapshot.cgroup = self.sampler.cgroup();
        (engine.oom_kills_at_start.max(self.oom_kills.before_recent()), self.snapshot.oom_kills())
    }

    /// Records that an engine is ready. Warns once about a soft limit that no engine can stay below.
    pub(crate) fn engine_is_ready(&mut self, engine: &Engine, load_time: Duration, policy: &Policy) {
        (self.ready_resident, self.load_time) = (engine.resident, load_time);
        let limits = self.host_limits(policy);
        let name = format!("engine {}", engine.number);
        if let Some(decision) = decide::soft_limit_too_low(&name, engine.resident, &limits) {
            tracing::warn!("{}; the limit is ignored", decision.why);
            self.soft_limit_is_too_low = true;
        }
    }

    /// Limits of an engine's host memory, as shares of what there is now.
    pub(crate) fn host_limits(&self, policy: &Policy) -> MemoryLimits {
        let total = self.snapshot.limit_total();
        let limits = MemoryLimits::resolve(policy.memory_soft_limit, policy.memory_hard_limit, total);
        MemoryLimits { soft: limits.soft.filter(|_| !self.soft_limit_is_too_low), ..limits }
    }

    pub(crate) fn host_pressure(&self, engine: &Engine, policy: &Policy) -> Decision<MemoryPressure> {
        let name = format!("engine {}", engine.number);
        decide::memory_pressure(&name, &self.usage(engine), &self.host_limits(policy))
    }

    /// Pressure on the GPU that engines use most of; none where NVML does not provide it.
    pub(crate) fn gpu_pressure(&self, engine: &Engine, policy: &Policy) -> Option<Decision<MemoryPressure>> {
        let (gpu, used) = self.busiest_gpu()?;
        let (soft, hard) = (policy.gpu_memory_soft_limit, policy.gpu_memory_hard_limit);
        let limits = MemoryLimits::resolve(soft, hard, gpu.total);
        let usage = MemoryUsage { used, growth_per_second: 0.0, growth_per_file: 0.0, ..self.usage(engine) };
        let name = format!("engine {} on GPU {}", engine.number, gpu.index);
        Some(decide::memory_pressure(&name, &usage, &limits))
    }

    /// Whether another engine may load beside the running ones.
    pub(crate) fn fits_another_engine(&self) -> Decision<bool> {
        let gpu = self.busiest_gpu().map(|(gpu, used)| GpuHeadroom {
            available: gpu.total.saturating_sub(gpu.used),
            next_engine: used,
        });
        decide::overlap(self.snapshot.available(), self.ready_resident, gpu)
    }

    /// The GPU that engines use most of, and the bytes that they use.
    fn busiest_gpu(&self) -> Option<(&Gpu, u64)> {
        let gpu = self.snapshot.gpus.iter().max_by_key(|gpu| gpu.engines)?;
        Some((gpu, gpu.engines.filter(|used| *used > 0)?))
    }

    fn usage(&self, engine: &Engine) -> MemoryUsage {
        MemoryUsage {
            used: engine.resident,
            growth_per_second: engine.recent_growth.per_second(),
            load_seconds: self.load_time.as_secs_f64(),
            in_flight: engine.files.len(),
            growth_per_file: engine.recent_growth.per_file(),
        }
    }
}
