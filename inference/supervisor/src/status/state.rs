//! State behind the status. Pure: the time is given.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use verbatim_crds::contract::RecycleReason;

use crate::engine_event::{EngineEvent, EngineNumber};
use crate::measure::Snapshot;
use crate::progress::Progress;
use crate::status::moment::Moment;
use crate::status::response::{
    BudgetStatus, EngineState, EngineStatus, FailureStatus, FileStatus, GrowthStatus, MAX_FAILURES,
    MAX_RECYCLES, MemoryStatus, RecycleStatus, SuspectStatus, Totals, shortened,
};
use verbatim_protocol::failure::FailureReason;

/// State from events. Bounded by the running engines, by their files in flight, and by the lengths of the
/// lists.
#[derive(Debug)]
pub(super) struct StatusState {
    pub(super) began: Instant,
    pub(super) heartbeat: Instant,
    pub(super) engines: BTreeMap<EngineNumber, TrackedEngine>,
    pub(super) backing_off: Option<(Instant, Duration, String)>,
    pub(super) in_flight: BTreeMap<usize, TrackedFile>,
    pub(super) suspects: BTreeMap<usize, SuspectStatus>,
    pub(super) recycles: VecDeque<RecycleStatus>,
    pub(super) recycles_by_reason: BTreeMap<RecycleReason, u64>,
    pub(super) failures: VecDeque<FailureStatus>,
    pub(super) failures_by_reason: BTreeMap<FailureReason, u64>,
    pub(super) budget: Option<BudgetStatus>,
    pub(super) growth: Option<GrowthStatus>,
    pub(super) memory: Option<MemoryStatus>,
    pub(super) totals: Totals,
    pub(super) progress: Option<Progress>,
}

#[derive(Debug)]
pub(super) struct TrackedEngine {
    pub(super) started: Instant,
    pub(super) status: EngineStatus,
    /// Reasons for its replacement.
    pub(super) recycled_for: Vec<(RecycleReason, String)>,
}

#[derive(Debug)]
pub(super) struct TrackedFile {
    pub(super) begun: Instant,
    pub(super) status: FileStatus,
}

impl StatusState {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            began: now.instant,
            heartbeat: now.instant,
            engines: BTreeMap::new(),
            backing_off: None,
            in_flight: BTreeMap::new(),
            suspects: BTreeMap::new(),
            recycles: VecDeque::new(),
            recycles_by_reason: RecycleReason::ALL.map(|reason| (reason, 0)).into(),
            failures: VecDeque::new(),
            failures_by_reason: FailureReason::ALL.map(|reason| (reason, 0)).into(),
            budget: None,
            growth: None,
            memory: None,
            totals: Totals::default(),
            progress: None,
        }
    }

    pub(super) fn heartbeat(&mut self, now: Moment) {
        self.heartbeat = now.instant;
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        self.progress = Some(progress);
    }

    /// Applies an event.
    pub(super) fn observe(&mut self, event: &EngineEvent<'_>, now: Moment) {
        match *event {
            EngineEvent::EngineStarted { engine, pid } => self.engine_started(engine, pid, now),
            EngineEvent::EngineReady { engine, load, description, sandbox } => {
                let Some(engine) = self.engines.get_mut(&engine) else { return };
                if engine.recycled_for.is_empty() {
                    engine.status.state = EngineState::Ready;
                }
                engine.status.load_seconds = Some(load.as_secs_f64());
                engine.status.description = shortened(description);
                engine.status.sandbox = sandbox.iter().map(|line| shortened(line)).collect();
            }
            EngineEvent::RecycleDecided { engine, reason, why } => {
                self.recycle_decided(engine, reason, why, now)
            }
            EngineEvent::EngineExited { engine, how, .. } => {
                self.engines.remove(&engine);
                self.in_flight.retain(|_, file| file.status.engine != engine);
                self.growth = self.growth.filter(|growth| growth.engine != engine);
                for recycle in self.recycles.iter_mut().filter(|recycle| recycle.engine == engine) {
                    recycle.how = Some(shortened(how));
                }
            }
            EngineEvent::Gap { engine, gap, overlapped } => {
                let mut before = self.recycles.iter_mut().filter(|recycle| recycle.engine < engine);
                if let Some(recycle) = before.next().filter(|recycle| recycle.gap_seconds.is_none()) {
                    recycle.gap_seconds = Some(gap.as_secs_f64());
                    recycle.overlapped = Some(overlapped);
                }
            }
            EngineEvent::FileBegun { engine, file, name, attempt, .. } => {
                let status = FileStatus { name: shortened(name), engine, attempt, seconds: 0.0 };
                self.in_flight.insert(file, TrackedFile { begun: now.instant, status });
            }
            EngineEvent::FileSuspected { file, name, reason } => {
                let attempts = self.in_flight.remove(&file).map_or(1, |file| file.status.attempt);
                let suspect = SuspectStatus { name: shortened(name), attempts, reason: reason.as_str() };
                self.suspects.insert(file, suspect);
            }
            EngineEvent::FileDone { engine, file, audio_seconds, processing_seconds, .. } => {
                self.file_ended(file);
                if let Some(engine) = self.engines.get_mut(&engine) {
                    engine.status.files_done += 1;
                }
                self.totals.files_done += 1;
                self.totals.audio_seconds += audio_seconds;
                self.totals.processing_seconds += processing_seconds;
            }
            EngineEvent::FileFailed { file, name, failure, attempts } => {
                self.file_ended(file);
                // An interrupted file has no outcome: it has not failed.
                if failure.reason == FailureReason::Interrupted {
                    return;
                }
                self.totals.files_failed += 1;
                *self.failures_by_reason.entry(failure.reason).or_default() += 1;
                let failure = FailureStatus {
                    name: shortened(name),
                    time: now.time.to_string(),
                    reason: failure.reason.as_str(),
                    message: shortened(&failure.message),
                    attempts,
                };
                self.failures.push_front(failure);
                self.failures.truncate(MAX_FAILURES);
            }
            EngineEvent::BudgetChanged { max_padded_seconds, why } => {
                self.budget = Some(BudgetStatus { max_padded_seconds, why: shortened(why) });
            }
            EngineEvent::BackingOff { delay, why } => {
                self.backing_off = Some((now.instant, delay, shortened(why)))
            }
            EngineEvent::Measured(snapshot) => {
                // The loop measures each second while it is alive.
                self.heartbeat(now);
                self.measured(snapshot);
            }
            EngineEvent::EngineStats { .. } | EngineEvent::Limits { .. } => {}
            EngineEvent::GrowthEstimated { engine, per_hour, per_audio_hour } => {
                let newer = self.growth.is_none_or(|growth| growth.engine <= engine);
                if newer && self.engines.contains_key(&engine) {
                    let (bytes_per_hour, bytes_per_audio_hour) = (per_hour, per_audio_hour);
                    self.growth = Some(GrowthStatus { engine, bytes_per_hour, bytes_per_audio_hour });
                }
            }
        }
    }

    fn engine_started(&mut self, number: EngineNumber, pid: u32, now: Moment) {
        self.backing_off = None;
        self.totals.engines_started += 1;
        let status = EngineStatus {
            number,
            pid,
            state: EngineState::Starting,
            age_seconds: 0.0,
            load_seconds: None,
            files_done: 0,
            resident_bytes: None,
            description: String::new(),
            sandbox: Vec::new(),
        };
        self.engines.insert(number, TrackedEngine { started: now.instant, status, recycled_for: Vec::new() });
    }

    /// Counts each reason once per engine, as metrics do: while it drains, another reason may follow.
    fn recycle_decided(&mut self, number: EngineNumber, reason: RecycleReason, why: &str, now: Moment) {
        let Some(engine) = self.engines.get_mut(&number) else { return };
        if engine.recycled_for.iter().any(|(known, _)| *known == reason) {
            return;
        }
        engine.status.state = EngineState::Draining;
        engine.recycled_for.push((reason, shortened(why)));
        *self.recycles_by_reason.entry(reason).or_default() += 1;
        self.recycles.push_front(RecycleStatus {
            engine: number,
            time: now.time.to_string(),
            reason: reason.as_str(),
            why: shortened(why),
            how: None,
            gap_seconds: None,
            overlapped: None,
        });
        self.recycles.truncate(MAX_RECYCLES);
    }

    fn file_ended(&mut self, file: usize) {
        self.in_flight.remove(&file);
        self.suspects.remove(&file);
    }

    fn measured(&mut self, snapshot: &Snapshot) {
        for (number, process) in &snapshot.engines {
            if let Some(engine) = self.engines.get_mut(number) {
                engine.status.resident_bytes = Some(process.resident);
            }
        }
        self.memory = Some(MemoryStatus {
            supervisor_resident_bytes: snapshot.supervisor.resident,
            engines_resident_bytes: snapshot.engines.iter().map(|(_, process)| process.resident).sum(),
            available_bytes: snapshot.available(),
            limit_bytes: snapshot.limit_total(),
            gpus: snapshot.gpus.iter().map(Into::into).collect(),
        });
    }
}
