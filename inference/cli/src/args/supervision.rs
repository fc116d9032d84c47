//! Arguments for the supervision of engines, monitoring and shutdown.

use std::time::Duration;

use clap::Args;
use verbatim_crds::{quantity::Memory, recycle};

use super::number::seconds;
use verbatim_supervisor::policy::Policy;

/// Memory limits of the engine. For `verbatim run` the manifest has them.
#[derive(Args, Debug)]
#[command(next_help_heading = "Memory")]
pub struct MemoryLimitArgs {
    /// Engine memory above which the engine is replaced once its files in flight are done: a size, or a
    /// percentage of the container's limit or the machine's memory; 0 disables the limit.
    #[arg(long, value_name = "SIZE|N%", default_value_t = recycle::DEFAULT_MEMORY_SOFT_LIMIT)]
    pub memory_soft_limit: Memory,
    /// Engine memory above which the engine is killed; its files run again in smaller batches.
    #[arg(long, value_name = "SIZE|N%", default_value_t = recycle::DEFAULT_MEMORY_HARD_LIMIT)]
    pub memory_hard_limit: Memory,
}

impl MemoryLimitArgs {
    /// Supervisor policy with these limits.
    pub fn policy(&self) -> Policy {
        Policy {
            memory_soft_limit: self.memory_soft_limit,
            memory_hard_limit: self.memory_hard_limit,
            ..Policy::default()
        }
    }
}

/// Monitoring and shutdown of a run.
#[derive(Args, Debug)]
#[command(next_help_heading = "Operation")]
pub struct OperationArgs {
    /// Address that serves /metrics, /status, /job, /healthz and /readyz, such as 127.0.0.1:9464; a port
    /// without a host is local to this machine.
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<String>,
    /// Time after SIGTERM for the recordings in flight to finish before they are given back, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = seconds)]
    pub grace_period: f64,
}

impl OperationArgs {
    /// The policy with the settings of a process of its own.
    pub fn apply(&self, policy: Policy) -> Policy {
        Policy { grace_period: Duration::from_secs_f64(self.grace_period), reap_orphans: true, ..policy }
    }
}
