use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use verbatim_crds::contract::RecycleReason;

use super::moment::Moment;
use super::response::{MAX_CHARS, MAX_FAILURES, MAX_RECYCLES};
use super::state::StatusState;
use crate::engine_event::EngineEvent;
use crate::measure::{Gpu, Machine, Process, Snapshot};
use crate::progress::Progress;
use crate::stats::Slope;
use verbatim_protocol::failure::{Failure, FailureReason};

/// A state with a fixture that advances only on demand.
struct Fixture(StatusState, Moment);

impl Fixture {
    fn new() -> Self {
        let now = Moment { instant: Instant::now(), time: Timestamp::UNIX_EPOCH };
        Self(StatusState::new(now), now)
    }

    fn advance(&mut self, seconds: u64) {
        self.1.instant += Duration::from_secs(seconds);
        self.1.time += Duration::from_secs(seconds);
    }

    fn observe(&mut self, event: EngineEvent<'_>) {
        self.0.observe(&event, self.1);
    }

    fn start(&mut self, engine: u64) {
        self.observe(EngineEvent::EngineStarted { engine, pid: 40 + engine as u32 });
    }

    fn ready(&mut self, engine: u64) {
        let sandbox = ["seccomp filter: no network".to_owned()];
        let load = Duration::from_millis(300);
        self.observe(EngineEvent::EngineReady {
            engine,
            load,
            description: "tiny on 2 threads",
            sandbox: &sandbox,
        });
    }

    fn begin(&mut self, engine: u64, file: usize, attempt: u32) {
        let name = &format!("calls/{file}.wav");
        self.observe(EngineEvent::FileBegun {
            engine,
            file,
            name,
            attempt,
            waited: Duration::ZERO,
            resident: 0,
        });
    }

    fn fail(&mut self, file: usize, reason: FailureReason, message: &str) {
        let failure = Failure { reason, message: message.to_owned(), position_seconds: None };
        self.observe(EngineEvent::FileFailed {
            file,
            name: &format!("calls/{file}.wav"),
            failure: &failure,
            attempts: 2,
        });
    }

    fn json(&self) -> Value {
        serde_json::to_value(self.0.status(self.1)).unwrap()
    }
}

/// A fixture in which every key has a value.
fn full() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.start(1);
    fixture.advance(1);
    fixture.ready(1);
    fixture.begin(1, 0, 1);
    fixture.begin(1, 1, 1);
    fixture.observe(EngineEvent::FileDone {
        engine: 1,
        file: 0,
        audio_seconds: 60.0,
        processing_seconds: 2.0,
        resident: 0,
    });
    fixture.observe(EngineEvent::RecycleDecided {
        engine: 1,
        reason: RecycleReason::Crash,
        why: "signal 11",
    });
    fixture.observe(EngineEvent::FileSuspected {
        file: 1,
        name: "calls/1.wav",
        reason: RecycleReason::Crash,
    });
    fixture.observe(EngineEvent::EngineExited { engine: 1, how: "signal 11 (SIGSEGV)", files: 1 });
    fixture.fail(7, FailureReason::Corrupt, "no frame could be decoded");
    fixture.start(2);
    fixture.ready(2);
    fixture.observe(EngineEvent::Gap { engine: 2, gap: Duration::from_millis(400), overlapped: false });
    fixture.begin(2, 1, 2);
    let engine = Process { pid: 42, resident: 500 << 20, ..Process::default() };
    let snapshot = Snapshot {
        engines: vec![(2, engine)],
        machine: Machine { total: 8 << 30, available: 6 << 30 },
        gpus: vec![Gpu { index: 0, total: 80 << 30, used: 2 << 30, engines: Some(1 << 30) }],
        ..Snapshot::default()
    };
    fixture.observe(EngineEvent::Measured(&snapshot));
    fixture.observe(EngineEvent::BudgetChanged { max_padded_seconds: 60.0, why: "as configured" });
    let slope = Slope { estimate: 1.0, low: -2.0, high: 3.0 };
    fixture.observe(EngineEvent::GrowthEstimated { engine: 2, per_hour: slope, per_audio_hour: Some(slope) });
    fixture.observe(EngineEvent::BackingOff { delay: Duration::from_secs(8), why: "two engines crashed" });
    let speed = Some(30.0);
    fixture.0.progress(Progress {
        files: 9,
        done: 1,
        failed: 1,
        speed,
        seconds_left: Some(9.0),
        ..Progress::default()
    });
    fixture.advance(3);
    fixture
}

#[test]
fn the_status_contains_engines_files_and_totals() {
    let json = full().json();
    let engine = &json["engines"][0];
    assert_eq!(
        (&engine["number"], &engine["pid"], &engine["state"]),
        (&2.into(), &42.into(), &"ready".into())
    );
    assert_eq!((&engine["load_seconds"], &engine["resident_bytes"]), (&0.3.into(), &(500 << 20).into()));
    assert_eq!(json["engines"].as_array().unwrap().len(), 1);
    let file = &json["files_in_flight"][0];
    assert_eq!(
        (&file["name"], &file["attempt"], &file["seconds"]),
        (&"calls/1.wav".into(), &2.into(), &3.0.into())
    );
    let suspect = &json["suspects"][0];
    assert_eq!((&suspect["name"], &suspect["attempts"]), (&"calls/1.wav".into(), &1.into()));
    let recycle = &json["recycles"]["last"][0];
    assert_eq!(
        (&recycle["engine"], &recycle["reason"], &recycle["why"]),
        (&1.into(), &"Crash".into(), &"signal 11".into())
    );
    assert_eq!((&recycle["how"], &recycle["gap_seconds"]), (&"signal 11 (SIGSEGV)".into(), &0.4.into()));
    assert_eq!(recycle["time"], "1970-01-01T00:00:01Z");
    assert_eq!(
        (&json["recycles"]["by_reason"]["Crash"], &json["recycles"]["by_reason"]["Memory"]),
        (&1.into(), &0.into())
    );
    assert_eq!(
        (&json["failures"]["total"], &json["failures"]["last"][0]["reason"]),
        (&1.into(), &"Corrupt".into())
    );
    assert_eq!(json["progress"]["remaining_files"], 7);
    assert_eq!(json["memory"]["available_bytes"], 6_u64 << 30);
    assert_eq!(
        (&json["totals"]["engines_started"], &json["totals"]["audio_seconds"]),
        (&2.into(), &60.0.into())
    );
    assert_eq!(json["backing_off"]["seconds_left"], 5.0);
}

#[test]
fn a_suspect_remains_until_it_has_an_outcome() {
    let mut fixture = full();
    fixture.begin(2, 1, 2);
    assert_eq!(fixture.json()["suspects"].as_array().unwrap().len(), 1);
    fixture.observe(EngineEvent::FileDone {
        engine: 2,
        file: 1,
        audio_seconds: 1.0,
        processing_seconds: 1.0,
        resident: 0,
    });
    let json = fixture.json();
    assert_eq!((&json["suspects"], &json["files_in_flight"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    assert_eq!(json["engines"][0]["files_done"], 1);
}

#[test]
fn lists_and_texts_are_bounded() {
    let mut fixture = Fixture::new();
    for engine in 1..=(MAX_RECYCLES as u64 + 9) {
        fixture.start(engine);
        let reason = RecycleReason::MaxFiles;
        fixture.observe(EngineEvent::RecycleDecided { engine, reason, why: "" });
        // Decided twice.
        fixture.observe(EngineEvent::RecycleDecided { engine, reason, why: "" });
        fixture.observe(EngineEvent::EngineExited { engine, how: "exit code 0", files: 0 });
    }
    for file in 0..MAX_FAILURES + 5 {
        fixture.fail(file, FailureReason::Corrupt, &"ü".repeat(MAX_CHARS * 2));
    }
    fixture.fail(1, FailureReason::Interrupted, "");
    let json = fixture.json();
    assert_eq!(json["recycles"]["total"], MAX_RECYCLES + 9);
    let recycles = json["recycles"]["last"].as_array().unwrap();
    assert_eq!((recycles.len(), &recycles[0]["engine"]), (MAX_RECYCLES, &(MAX_RECYCLES + 9).into()));
    assert_eq!(json["failures"]["total"], MAX_FAILURES + 5);
    let failures = json["failures"]["last"].as_array().unwrap();
    assert_eq!(
        (failures.len(), &failures[0]["name"]),
        (MAX_FAILURES, &format!("calls/{}.wav", MAX_FAILURES + 4).into())
    );
    assert_eq!(failures[0]["message"].as_str().unwrap().chars().count(), MAX_CHARS + 1);
}

#[test]
fn an_unready_worker_gives_the_reason() {
    let mut fixture = Fixture::new();
    let why = |fixture: &Fixture| fixture.0.ready(fixture.1).err();
    assert_eq!(why(&fixture).unwrap(), "no engine is running");
    fixture.start(1);
    fixture.advance(4);
    assert_eq!(why(&fixture).unwrap(), "engine 1 has been loading its model for 4 s");
    fixture.ready(1);
    assert_eq!(why(&fixture), None);
    fixture.observe(EngineEvent::RecycleDecided {
        engine: 1,
        reason: RecycleReason::Memory,
        why: "900 MB of 800 MB",
    });
    assert_eq!(why(&fixture).unwrap(), "engine 1 is being replaced: 900 MB of 800 MB");
    // The next engine is ready before the old one exits.
    fixture.start(2);
    fixture.ready(2);
    assert_eq!(why(&fixture), None);
    fixture.observe(EngineEvent::EngineExited { engine: 2, how: "signal 9", files: 0 });
    fixture.observe(EngineEvent::EngineExited { engine: 1, how: "exit code 0", files: 0 });
    fixture.observe(EngineEvent::BackingOff { delay: Duration::from_secs(10), why: "engines crash" });
    fixture.advance(4);
    assert_eq!(why(&fixture).unwrap(), "the next engine starts in 6 s: engines crash");
}

#[test]
fn a_loop_without_heartbeat_is_dead() {
    let mut fixture = Fixture::new();
    fixture.advance(59);
    assert_eq!(fixture.0.alive(fixture.1), Ok(()));
    fixture.advance(1);
    assert_eq!(fixture.0.alive(fixture.1).unwrap_err(), "the supervisor's loop has not run for 60 s");
    fixture.0.heartbeat(fixture.1);
    assert_eq!(fixture.0.alive(fixture.1), Ok(()));
}

/// Paths of all keys; the members of a list share one path.
fn keys(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            let path = format!("{path}.{key}");
            keys(value, &path, into);
            into.insert(path);
        }),
        Value::Array(members) => members.iter().for_each(|value| keys(value, &format!("{path}[]"), into)),
        _ => {}
    }
}

#[test]
fn the_documented_example_has_the_same_keys() {
    let document = include_str!("../../../../docs/status.md");
    let example = document.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let (mut documented, mut real) = (BTreeSet::new(), BTreeSet::new());
    keys(&serde_json::from_str(example).unwrap(), "", &mut documented);
    keys(&full().json(), "", &mut real);
    assert_eq!(documented, real);
}
