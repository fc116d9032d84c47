//! The state behind the board. Pure: every moment is given.

mod told;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Moment;
use super::status::{self, EngineState, FAILURES, RECYCLES, short};
use crate::measure::Snapshot;
use crate::observe::{EngineNumber, Happening, RecycleReason};
use crate::progress::Progress;
use verbatim_protocol::failure::FailureReason;

/// What was heard, as far as it is still of interest. Bounded: by the engines that live, by what they have in flight,
/// and by lists of the last of each.
#[derive(Debug)]
pub(super) struct State {
    began: Instant,
    beat: Instant,
    engines: BTreeMap<EngineNumber, Engine>,
    backing_off: Option<(Instant, Duration, String)>,
    in_flight: BTreeMap<usize, InFlight>,
    suspects: BTreeMap<usize, status::Suspect>,
    recycles: VecDeque<status::Recycle>,
    recycles_by_reason: BTreeMap<RecycleReason, u64>,
    failures: VecDeque<status::Failure>,
    failures_by_reason: BTreeMap<FailureReason, u64>,
    budget: Option<status::Budget>,
    growth: Option<status::Growth>,
    memory: Option<status::Memory>,
    totals: status::Totals,
    progress: Option<Progress>,
}

#[derive(Debug)]
struct Engine {
    started: Instant,
    status: status::Engine,
    /// Why it is being replaced.
    condemned: Vec<(RecycleReason, String)>,
}

#[derive(Debug)]
struct InFlight {
    begun: Instant,
    status: status::InFlight,
}

impl State {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            began: now.instant,
            beat: now.instant,
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
            totals: status::Totals::default(),
            progress: None,
        }
    }

    pub(super) fn beat(&mut self, now: Moment) {
        self.beat = now.instant;
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        self.progress = Some(progress);
    }

    /// Takes in what happened.
    pub(super) fn observe(&mut self, happening: &Happening<'_>, now: Moment) {
        match *happening {
            Happening::EngineStarted { engine, pid } => self.started(engine, pid, now),
            Happening::EngineReady { engine, load, description, sandbox } => {
                let Some(engine) = self.engines.get_mut(&engine) else { return };
                if engine.condemned.is_empty() {
                    engine.status.state = EngineState::Ready;
                }
                engine.status.load_seconds = Some(load.as_secs_f64());
                engine.status.description = short(description);
                engine.status.sandbox = sandbox.iter().map(|words| short(words)).collect();
            }
            Happening::EngineCondemned { engine, reason, why } => self.condemned(engine, reason, why, now),
            Happening::EngineGone { engine, how, .. } => {
                self.engines.remove(&engine);
                self.in_flight.retain(|_, file| file.status.engine != engine);
                self.growth = self.growth.filter(|growth| growth.engine != engine);
                for recycle in self.recycles.iter_mut().filter(|recycle| recycle.engine == engine) {
                    recycle.how = Some(short(how));
                }
            }
            Happening::Gap { engine, gap, overlapped } => {
                let mut before = self.recycles.iter_mut().filter(|recycle| recycle.engine < engine);
                if let Some(recycle) = before.next().filter(|recycle| recycle.gap_seconds.is_none()) {
                    recycle.gap_seconds = Some(gap.as_secs_f64());
                    recycle.overlapped = Some(overlapped);
                }
            }
            Happening::FileBegun { engine, file, name, attempt, .. } => {
                let status = status::InFlight { name: short(name), engine, attempt, seconds: 0.0 };
                self.in_flight.insert(file, InFlight { begun: now.instant, status });
            }
            Happening::FileSuspected { file, name, reason } => {
                let attempts = self.in_flight.remove(&file).map_or(1, |file| file.status.attempt);
                let suspect = status::Suspect { name: short(name), attempts, reason: reason.as_str() };
                self.suspects.insert(file, suspect);
            }
            Happening::FileDone { engine, file, audio_seconds, processing_seconds, .. } => {
                self.ended(file);
                if let Some(engine) = self.engines.get_mut(&engine) {
                    engine.status.files_done += 1;
                }
                self.totals.files_done += 1;
                self.totals.audio_seconds += audio_seconds;
                self.totals.processing_seconds += processing_seconds;
            }
            Happening::FileFailed { file, name, failure, attempts } => {
                self.ended(file);
                // One that was interrupted is undone, and not failed.
                if failure.reason == FailureReason::Interrupted {
                    return;
                }
                self.totals.files_failed += 1;
                *self.failures_by_reason.entry(failure.reason).or_default() += 1;
                let failure = status::Failure {
                    name: short(name),
                    time: now.time.to_string(),
                    reason: failure.reason.as_str(),
                    message: short(&failure.message),
                    attempts,
                };
                self.failures.push_front(failure);
                self.failures.truncate(FAILURES);
            }
            Happening::Budget { max_padded_seconds, why } => {
                self.budget = Some(status::Budget { max_padded_seconds, why: short(why) });
            }
            Happening::BackingOff { delay, why } => self.backing_off = Some((now.instant, delay, short(why))),
            Happening::Measured(snapshot) => {
                // The loop measures each second: as long as it does, it is alive.
                self.beat(now);
                self.measured(snapshot);
            }
            Happening::EngineStats { .. } | Happening::Bounds { .. } => {}
            Happening::Growth { engine, per_hour, per_audio_hour } => {
                let newer = self.growth.is_none_or(|growth| growth.engine <= engine);
                if newer && self.engines.contains_key(&engine) {
                    let (bytes_per_hour, bytes_per_audio_hour) = (per_hour, per_audio_hour);
                    self.growth = Some(status::Growth { engine, bytes_per_hour, bytes_per_audio_hour });
                }
            }
        }
    }

    fn started(&mut self, number: EngineNumber, pid: u32, now: Moment) {
        self.backing_off = None;
        self.totals.engines_started += 1;
        let status = status::Engine {
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
        self.engines.insert(number, Engine { started: now.instant, status, condemned: Vec::new() });
    }

    /// Once for each reason, as metrics count it: while it drains, an engine may be condemned for another one.
    fn condemned(&mut self, number: EngineNumber, reason: RecycleReason, why: &str, now: Moment) {
        let Some(engine) = self.engines.get_mut(&number) else { return };
        if engine.condemned.iter().any(|(known, _)| *known == reason) {
            return;
        }
        engine.status.state = EngineState::Draining;
        engine.condemned.push((reason, short(why)));
        *self.recycles_by_reason.entry(reason).or_default() += 1;
        self.recycles.push_front(status::Recycle {
            engine: number,
            time: now.time.to_string(),
            reason: reason.as_str(),
            why: short(why),
            how: None,
            gap_seconds: None,
            overlapped: None,
        });
        self.recycles.truncate(RECYCLES);
    }

    fn ended(&mut self, file: usize) {
        self.in_flight.remove(&file);
        self.suspects.remove(&file);
    }

    fn measured(&mut self, snapshot: &Snapshot) {
        for (number, process) in &snapshot.engines {
            if let Some(engine) = self.engines.get_mut(number) {
                engine.status.resident_bytes = Some(process.resident);
            }
        }
        self.memory = Some(status::Memory {
            supervisor_resident_bytes: snapshot.supervisor.resident,
            engines_resident_bytes: snapshot.engines.iter().map(|(_, process)| process.resident).sum(),
            available_bytes: snapshot.available(),
            limit_bytes: snapshot.limit_total(),
            gpus: snapshot.gpus.iter().map(Into::into).collect(),
        });
    }
}
