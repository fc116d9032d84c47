//! One engine as its supervisor sees it: its process, its files in flight, its figures.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::decide::{FileActivity, GrowthEstimate, GrowthMonitor, RecentGrowth};
use crate::engine_event::EngineNumber;
use crate::engine_process::EngineProcess;
use verbatim_crds::contract::RecycleReason;
use verbatim_protocol::Stats;

/// A file that was sent to an engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileInFlight {
    /// Time at which it was sent.
    pub(crate) sent: Instant,
    /// Time at which the engine began it.
    pub(crate) begun: Option<Instant>,
    /// Time of the engine's last event about it.
    pub(crate) last_event: Instant,
    /// Size in bytes; 0 where unknown.
    pub(crate) bytes: u64,
}

/// An engine.
pub(crate) struct Engine {
    pub(crate) number: EngineNumber,
    pub(crate) process: EngineProcess,
    pub(crate) started: Instant,
    /// Description of its sandbox, from its greeting.
    pub(crate) sandbox: Option<Vec<String>>,
    /// Time from its start until it was ready.
    pub(crate) load_time: Option<Duration>,
    /// Files in flight by id.
    pub(crate) files: BTreeMap<usize, FileInFlight>,
    /// Files sent to it.
    pub(crate) files_sent: u64,
    /// Files that it answered.
    pub(crate) files_done: u64,
    /// Audio of the files that it transcribed, in seconds.
    pub(crate) audio_seconds: f64,
    /// Resident memory as last measured, in bytes.
    pub(crate) resident: u64,
    pub(crate) growth_monitor: GrowthMonitor,
    /// Last estimate of its growth.
    pub(crate) growth_estimate: Option<GrowthEstimate>,
    pub(crate) recent_growth: RecentGrowth,
    pub(crate) stats: Stats,
    /// Reason for its replacement, while it finishes its files in flight.
    pub(crate) draining: Option<RecycleReason>,
    /// OOM kills counted in this cgroup before it was started.
    pub(crate) oom_kills_at_start: u64,
}

impl Engine {
    pub(crate) fn new(number: EngineNumber, process: EngineProcess, oom_kills_at_start: u64) -> Self {
        Self {
            number,
            process,
            started: Instant::now(),
            sandbox: None,
            load_time: None,
            files: BTreeMap::new(),
            files_sent: 0,
            files_done: 0,
            audio_seconds: 0.0,
            resident: 0,
            growth_monitor: GrowthMonitor::default(),
            growth_estimate: None,
            recent_growth: RecentGrowth::default(),
            stats: Stats::default(),
            draining: None,
            oom_kills_at_start,
        }
    }

    /// Whether it takes files.
    pub(crate) fn takes_files(&self) -> bool {
        self.load_time.is_some() && self.draining.is_none()
    }

    /// Number of files in flight that it has not begun.
    pub(crate) fn files_not_begun(&self) -> usize {
        self.files.values().filter(|file| file.begun.is_none()).count()
    }

    /// Activity of the files that have to make progress: those that it has begun. The others wait for a
    /// decode worker, however long that takes; they count only where none is begun.
    pub(crate) fn file_activity(&self) -> Vec<FileActivity> {
        let any_begun = self.files.values().any(|file| file.begun.is_some());
        let files = self.files.iter().filter(|(_, file)| file.begun.is_some() || !any_begun);
        files
            .map(|(id, file)| FileActivity { id: *id, bytes: file.bytes, last_event: file.last_event })
            .collect()
    }

    /// Seconds of one inference worker per second of audio so far: more than the real time factor of the
    /// whole engine, whose inference workers run side by side.
    pub(crate) fn real_time_factor(&self) -> Option<f64> {
        let Stats { inference_seconds, segment_seconds, .. } = self.stats;
        (segment_seconds > 0.0).then(|| inference_seconds / segment_seconds)
    }
}
