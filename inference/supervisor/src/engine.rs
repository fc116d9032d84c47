//! One engine as its supervisor sees it: its process, its files in flight, its figures.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::child::Child;
use super::decide::{FileWatch, GrowthEstimate, GrowthMonitor, RecentRate};
use super::observe::{EngineNumber, RecycleReason};
use verbatim_protocol::Stats;

/// A file that was handed to an engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// When it was handed over.
    pub(super) sent: Instant,
    /// When the engine took it up.
    pub(super) begun: Option<Instant>,
    /// When the engine last told something of it.
    pub(super) last_event: Instant,
    /// Its size in bytes; 0 where unknown.
    pub(super) bytes: u64,
}

/// An engine.
pub(super) struct Engine {
    pub(super) number: EngineNumber,
    pub(super) child: Child,
    pub(super) started: Instant,
    /// What it said of its sandbox, once it did.
    pub(super) sandbox: Option<Vec<String>>,
    /// Time from its start until it was ready, once it was.
    pub(super) load: Option<Duration>,
    /// Files in flight by id.
    pub(super) files: BTreeMap<usize, Flight>,
    /// Files that were handed to it.
    pub(super) handed: u64,
    /// Files that it answered.
    pub(super) done: u64,
    /// Audio of the files that it did, in seconds.
    pub(super) audio_seconds: f64,
    /// Its resident memory as last looked at, in bytes.
    pub(super) resident: u64,
    pub(super) growth: GrowthMonitor,
    /// How it grows, as last estimated.
    pub(super) grows: Option<GrowthEstimate>,
    pub(super) rate: RecentRate,
    pub(super) stats: Stats,
    /// Why it is being replaced, if it is.
    pub(super) condemned: Option<RecycleReason>,
    /// Processes that the kernel had killed for memory in this cgroup when it was started.
    pub(super) oom_kills: u64,
}

impl Engine {
    pub(super) fn new(number: EngineNumber, child: Child, now: Instant, oom_kills: u64) -> Self {
        Self {
            number,
            child,
            started: now,
            sandbox: None,
            load: None,
            files: BTreeMap::new(),
            handed: 0,
            done: 0,
            audio_seconds: 0.0,
            resident: 0,
            growth: GrowthMonitor::default(),
            grows: None,
            rate: RecentRate::default(),
            stats: Stats::default(),
            condemned: None,
            oom_kills,
        }
    }

    /// Whether it takes files.
    pub(super) fn takes_files(&self) -> bool {
        self.load.is_some() && self.condemned.is_none()
    }

    /// Files in flight that it has not taken up.
    pub(super) fn unbegun(&self) -> usize {
        self.files.values().filter(|flight| flight.begun.is_none()).count()
    }

    /// What the files in flight are watched by: those that it has taken up. Others may wait for a listener as long as
    /// they need, but not when there is nothing that they wait for.
    pub(super) fn watches(&self) -> Vec<FileWatch> {
        let any_begun = self.files.values().any(|flight| flight.begun.is_some());
        let watch = |(id, flight): (&usize, &Flight)| FileWatch {
            id: *id,
            bytes: flight.bytes,
            last_event: flight.last_event,
        };
        let watched = |(_, flight): &(&usize, &Flight)| flight.begun.is_some() || !any_begun;
        self.files.iter().filter(watched).map(watch).collect()
    }

    /// Seconds of a lane for each second of audio so far: more than the whole engine takes, since lanes work side by
    /// side.
    pub(super) fn real_time_factor(&self) -> Option<f64> {
        let Stats { inference_seconds, segment_seconds, .. } = self.stats;
        (segment_seconds > 0.0).then(|| inference_seconds / segment_seconds)
    }
}
