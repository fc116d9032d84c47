use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::status::{FAILURES, RECYCLES, WORDS};
use super::*;
use crate::measure::{Gpu, Machine, Process, Snapshot};
use crate::observe::RecycleReason;
use crate::stats::Slope;
use verbatim_protocol::failure::{Failure, FailureReason};

/// A state, and a clock that goes only when it is told to.
struct Clock(State, Moment);

impl Clock {
    fn new() -> Self {
        let now = Moment { instant: Instant::now(), time: Timestamp::UNIX_EPOCH };
        Self(State::new(now), now)
    }

    fn go(&mut self, seconds: u64) {
        self.1.instant += Duration::from_secs(seconds);
        self.1.time += Duration::from_secs(seconds);
    }

    fn tell(&mut self, happening: Happening<'_>) {
        self.0.observe(&happening, self.1);
    }

    fn start(&mut self, engine: u64) {
        self.tell(Happening::EngineStarted { engine, pid: 40 + engine as u32 });
    }

    fn ready(&mut self, engine: u64) {
        let sandbox = ["seccomp filter: no network".to_owned()];
        let load = Duration::from_millis(300);
        self.tell(Happening::EngineReady {
            engine,
            load,
            description: "tiny on 2 threads",
            sandbox: &sandbox,
        });
    }

    fn begin(&mut self, engine: u64, file: usize, attempt: u32) {
        let name = &format!("calls/{file}.wav");
        self.tell(Happening::FileBegun { engine, file, name, attempt, waited: Duration::ZERO, resident: 0 });
    }

    fn fail(&mut self, file: usize, reason: FailureReason, message: &str) {
        let failure = Failure { reason, message: message.to_owned(), position_seconds: None };
        self.tell(Happening::FileFailed {
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

/// Everything has a value.
fn full() -> Clock {
    let mut clock = Clock::new();
    clock.start(1);
    clock.go(1);
    clock.ready(1);
    clock.begin(1, 0, 1);
    clock.begin(1, 1, 1);
    clock.tell(Happening::FileDone {
        engine: 1,
        file: 0,
        audio_seconds: 60.0,
        processing_seconds: 2.0,
        resident: 0,
    });
    clock.tell(Happening::EngineCondemned { engine: 1, reason: RecycleReason::Crash, why: "signal 11" });
    clock.tell(Happening::FileSuspected { file: 1, name: "calls/1.wav", reason: RecycleReason::Crash });
    clock.tell(Happening::EngineGone { engine: 1, how: "signal 11 (SIGSEGV)", files: 1 });
    clock.fail(7, FailureReason::Corrupt, "no frame could be decoded");
    clock.start(2);
    clock.ready(2);
    clock.tell(Happening::Gap { engine: 2, gap: Duration::from_millis(400), overlapped: false });
    clock.begin(2, 1, 2);
    let engine = Process { pid: 42, resident: 500 << 20, ..Process::default() };
    let snapshot = Snapshot {
        engines: vec![(2, engine)],
        machine: Machine { total: 8 << 30, available: 6 << 30 },
        gpus: vec![Gpu { index: 0, total: 80 << 30, used: 2 << 30, engines: Some(1 << 30) }],
        ..Snapshot::default()
    };
    clock.tell(Happening::Measured(&snapshot));
    clock.tell(Happening::Budget { max_padded_seconds: 60.0, why: "as configured" });
    let slope = Slope { estimate: 1.0, low: -2.0, high: 3.0 };
    clock.tell(Happening::Growth { engine: 2, per_hour: slope, per_audio_hour: Some(slope) });
    clock.tell(Happening::BackingOff { delay: Duration::from_secs(8), why: "two engines crashed" });
    let speed = Some(30.0);
    clock.0.progress(Progress {
        files: 9,
        done: 1,
        failed: 1,
        speed,
        seconds_left: Some(9.0),
        ..Progress::default()
    });
    clock.go(3);
    clock
}

#[test]
fn shows_what_is_going_on() {
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
fn a_suspect_is_one_until_it_is_done_or_failed() {
    let mut clock = full();
    clock.begin(2, 1, 2);
    assert_eq!(clock.json()["suspects"].as_array().unwrap().len(), 1);
    clock.tell(Happening::FileDone {
        engine: 2,
        file: 1,
        audio_seconds: 1.0,
        processing_seconds: 1.0,
        resident: 0,
    });
    let json = clock.json();
    assert_eq!((&json["suspects"], &json["files_in_flight"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    assert_eq!(json["engines"][0]["files_done"], 1);
}

#[test]
fn lists_and_words_have_an_end() {
    let mut clock = Clock::new();
    for engine in 1..=(RECYCLES as u64 + 9) {
        clock.start(engine);
        let reason = RecycleReason::MaxFiles;
        clock.tell(Happening::EngineCondemned { engine, reason, why: "" });
        // Said twice.
        clock.tell(Happening::EngineCondemned { engine, reason, why: "" });
        clock.tell(Happening::EngineGone { engine, how: "exit code 0", files: 0 });
    }
    for file in 0..FAILURES + 5 {
        clock.fail(file, FailureReason::Corrupt, &"ü".repeat(WORDS * 2));
    }
    clock.fail(1, FailureReason::Interrupted, "");
    let json = clock.json();
    assert_eq!(json["recycles"]["total"], RECYCLES + 9);
    let recycles = json["recycles"]["last"].as_array().unwrap();
    assert_eq!((recycles.len(), &recycles[0]["engine"]), (RECYCLES, &(RECYCLES + 9).into()));
    assert_eq!(json["failures"]["total"], FAILURES + 5);
    let failures = json["failures"]["last"].as_array().unwrap();
    assert_eq!(
        (failures.len(), &failures[0]["name"]),
        (FAILURES, &format!("calls/{}.wav", FAILURES + 4).into())
    );
    assert_eq!(failures[0]["message"].as_str().unwrap().chars().count(), WORDS + 1);
}

#[test]
fn says_why_no_engine_is_ready() {
    let mut clock = Clock::new();
    let why = |clock: &Clock| clock.0.ready(clock.1).err();
    assert_eq!(why(&clock).unwrap(), "there is no engine");
    clock.start(1);
    clock.go(4);
    assert_eq!(why(&clock).unwrap(), "engine 1 has been loading its model for 4 s");
    clock.ready(1);
    assert_eq!(why(&clock), None);
    clock.tell(Happening::EngineCondemned {
        engine: 1,
        reason: RecycleReason::Memory,
        why: "900 MB of 800 MB",
    });
    assert_eq!(why(&clock).unwrap(), "engine 1 is being replaced: 900 MB of 800 MB");
    // The next one is ready before the old one has left.
    clock.start(2);
    clock.ready(2);
    assert_eq!(why(&clock), None);
    clock.tell(Happening::EngineGone { engine: 2, how: "signal 9", files: 0 });
    clock.tell(Happening::EngineGone { engine: 1, how: "exit code 0", files: 0 });
    clock.tell(Happening::BackingOff { delay: Duration::from_secs(10), why: "engines crash" });
    clock.go(4);
    assert_eq!(why(&clock).unwrap(), "the next engine starts in 6 s: engines crash");
}

#[test]
fn a_loop_that_does_not_turn_is_dead() {
    let mut clock = Clock::new();
    clock.go(59);
    assert_eq!(clock.0.alive(clock.1), Ok(()));
    clock.go(1);
    assert_eq!(clock.0.alive(clock.1).unwrap_err(), "the supervisor's loop has not turned for 60 s");
    clock.0.beat(clock.1);
    assert_eq!(clock.0.alive(clock.1), Ok(()));
}

/// Paths of all keys, those of a list's members as one.
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
