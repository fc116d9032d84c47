//! What the supervisor decides, each decision a pure function or a small state machine: observations and the time come
//! in, an action comes out, with the reason in words and figures. No clock, no I/O, no chance but what the caller gives.

pub mod backoff;
pub mod budget;
pub mod crash;
pub mod growth;
pub mod max_files;
pub mod oom_kills;
pub mod overlap;
pub mod oversized;
pub mod rate;
pub mod suspects;
pub mod watermark;
pub mod wedged;

pub use backoff::Backoff;
pub use budget::Budget;
pub use crash::{Ended, classify};
pub use growth::{GrowthEstimate, GrowthMonitor, growth};
pub use max_files::max_files;
pub use oom_kills::OomKills;
pub use overlap::{GpuRoom, overlap};
pub use oversized::oversized;
pub use rate::RecentRate;
pub use suspects::{Next, OutOfMemoryRule, Queue, Verdict};
pub use watermark::{Pressure, Usage, Watermarks, pressure, too_low};
pub use wedged::{FileWatch, Pace, next_deadline, overdue, wedged};

/// What to do, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<T> {
    /// What to do.
    pub action: T,
    /// Why, in words and figures for events and the log: lower case unless a name, no full stop.
    pub why: String,
}

impl<T> Decision<T> {
    /// A decision and its reason.
    pub fn new(action: T, why: impl Into<String>) -> Self {
        Self { action, why: why.into() }
    }
}
