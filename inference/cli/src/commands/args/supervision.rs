//! Words that say how engines are watched and how a run ends.

use std::time::Duration;

use clap::Args;
use verbatim_crds::{quantity::Memory, recycle};

use verbatim_supervisor::policy::Policy;

/// When an engine is replaced. `verbatim run` has it from the manifest.
#[derive(Args, Debug)]
#[command(next_help_heading = "Memory")]
pub struct Limits {
    /// Memory of the engine at which it is replaced, after the files in flight: a size, or a share of the container's
    /// limit or the machine's memory; 0 for never.
    #[arg(long, value_name = "SIZE|N%", default_value_t = recycle::DEFAULT_MEMORY_SOFT_LIMIT)]
    pub memory_soft_limit: Memory,
    /// Memory of the engine at which it is killed; its files run again, in smaller batches.
    #[arg(long, value_name = "SIZE|N%", default_value_t = recycle::DEFAULT_MEMORY_HARD_LIMIT)]
    pub memory_hard_limit: Memory,
}

impl Limits {
    /// The rules for engines.
    pub fn policy(&self) -> Policy {
        Policy {
            memory_soft_limit: self.memory_soft_limit,
            memory_hard_limit: self.memory_hard_limit,
            ..Policy::default()
        }
    }
}

/// How a run is ended and looked at.
#[derive(Args, Debug)]
#[command(next_help_heading = "Operation")]
pub struct Operation {
    /// Serve /metrics, /status, /job, /healthz and /readyz here, as 127.0.0.1:9464; a port alone is on this machine only.
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<String>,
    /// After SIGTERM, let the recordings in flight finish for so many seconds before they are given back.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = not_negative)]
    pub grace_period: f64,
}

impl Operation {
    /// The rules for engines, with what a process of its own adds.
    pub fn apply(&self, policy: Policy) -> Policy {
        Policy { grace_period: Duration::from_secs_f64(self.grace_period), reap_orphans: true, ..policy }
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        // A year: what is more is a slip, and would not fit a clock.
        Ok(number) if (0.0..=31_536_000.0).contains(&number) => Ok(number),
        _ => Err("write a number of seconds, 0 or more".to_owned()),
    }
}
