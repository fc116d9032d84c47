//! Number of workers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::{rule, rule_at};

/// One worker runs while there is work.
pub const DEFAULT_MIN_WORKERS: u32 = 1;
/// Small enough not to fill a shared cluster by surprise.
pub const DEFAULT_MAX_WORKERS: u32 = 10;
/// Four scrapes of half a minute: a shorter delay would follow noise.
pub const DEFAULT_SCALE_DOWN_DELAY_SECONDS: u32 = 120;

/// Number of workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".minWorkers",
    "self.minWorkers <= self.maxWorkers",
    "minWorkers must not exceed maxWorkers",
)]))]
pub struct Scaling {
    /// Minimum number of workers while there is work.
    #[schemars(range(min = 1, max = 10_000))]
    pub min_workers: u32,
    /// Maximum number of workers. `kubectl scale` sets it.
    #[schemars(
        range(min = 1, max = 10_000),
        extend("x-kubernetes-validations" = [
            rule("self > 0", "maxWorkers must not be 0: to run no worker, set spec.suspend to true"),
        ])
    )]
    pub max_workers: u32,
    /// Seconds from the start within which the job should be done; the operator chooses the number of
    /// workers. Absent: `maxWorkers` run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub target_completion_seconds: Option<u32>,
    /// Seconds for which fewer workers must suffice before their number decreases.
    #[schemars(range(min = 0, max = 86_400))]
    pub scale_down_delay_seconds: u32,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            min_workers: DEFAULT_MIN_WORKERS,
            max_workers: DEFAULT_MAX_WORKERS,
            target_completion_seconds: None,
            scale_down_delay_seconds: DEFAULT_SCALE_DOWN_DELAY_SECONDS,
        }
    }
}
