//! Signals to the supervisor and to its engine: what is in flight finishes where there is time for it, no engine stays
//! behind, nothing is lost.

// Helpers of tests are not known as tests to the lint.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::processes::{
    Running, alone, children, engines, is_engine, not_checked, send, verbatim, wait_for, write_mono,
    write_speech,
};
use nix::sys::signal::Signal;
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::sample;
use verbatim_fixtures::outputs::{contents, manifest};

/// What a second signal may take to end everything.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes a recording of some minutes: an engine needs seconds for it.
fn write_long(path: &Path) {
    write_mono(path, &samples(&sample("two_cities.wav")).repeat(8));
}

/// Runs a manifest that writes into `out`. Few files are in flight together.
fn job(folder: &Path, out: &str, arguments: &[&str]) -> Running {
    let name = manifest(folder, out);
    let path = folder.join(&name);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}  batching: {{maxPaddedSeconds: 30}}\n")).unwrap();
    Running::start(verbatim(folder).args(["run", "-f", &name]).args(arguments))
}

/// Whether a process has a file of this name open: an engine opens a recording when it is handed over.
fn has_open(pid: u32, name: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| fs::read_link(file.path()).ok()).any(|file| file.ends_with(name))
}

/// Whether a signal was sent to a process, and not handled yet.
fn is_pending(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal as u64 - 1) & 1 == 1
}

#[test]
fn files_in_flight_finish_within_the_grace_period() {
    const FILES: u8 = 16;
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let audio = folder.join("audio");
    write_speech(&audio, FILES, 10);
    // A recording that is cut gives a warning when it is done: then is the time.
    let first = audio.join("a.wav");
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, &bytes[..bytes.len() / 4]).unwrap();
    let (code, said) = job(folder, "calm", &[]).end();
    assert_eq!(code, 0, "{said}");
    let calm = contents(&folder.join("calm"));
    assert_eq!(calm.len(), usize::from(FILES) * 4);

    let mut run = job(folder, "drained", &["--grace-period", "30"]);
    run.hear("WARNING a.wav: ");
    run.signal(Signal::SIGTERM);
    let (code, said) = run.end();
    assert_eq!(code, 75, "{said}");
    let drained = folder.join("drained");
    let written = contents(&drained);
    for (path, bytes) in &written {
        assert!(calm.get(path) == Some(bytes), "{} is half-written or differs", path.display());
    }
    // At least those that two listeners had begun beside the first; not those that no engine had.
    let done = written.len() / 4;
    assert!(
        written.len().is_multiple_of(4) && (2..usize::from(FILES)).contains(&done),
        "{done} files: {said}"
    );
    let left = format!("Interrupted: {} files not done", usize::from(FILES) - done);
    assert!(said.contains(&left) && !said.contains("FAILED") && !said.contains("ENGINE"), "{said}");

    let (code, said) = job(folder, "drained", &[]).end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("Already done, skipped: {done} file")), "{said}");
    assert!(contents(&drained) == calm, "after a second run");
}

#[test]
fn a_second_signal_ends_supervisor_and_engine_at_once() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("audio")).unwrap();
    write_long(&folder.join("audio/long.wav"));
    let mut run = job(folder, "out", &["--grace-period", "60"]);
    run.hear("Transcribing ");
    let engine = run.engine();
    wait_for("the recording to be in flight", || has_open(engine, "long.wav").then_some(()));
    run.signal(Signal::SIGTERM);
    wait_for("the first signal to be handled", || (!is_pending(run.pid(), Signal::SIGTERM)).then_some(()));
    assert!(run.is_running() && is_engine(engine), "the recording in flight may finish");
    let sent = Instant::now();
    run.signal(Signal::SIGTERM);
    let (code, said) = run.end();
    assert_eq!(code, 143, "{said}");
    wait_for("the engine's end", || (!is_engine(engine)).then_some(()));
    let took = sent.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    assert!(!folder.join("out/long.json").exists());
}

#[test]
fn an_engine_goes_with_its_supervisor() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    write_long(&folder.path().join("long.wav"));
    let mut run = Running::start(verbatim(folder.path()).args(["transcribe", "long.wav", "-o", "out"]));
    run.hear("Transcribing ");
    let engine = run.engine();
    assert!(is_engine(engine));
    let sent = Instant::now();
    run.signal(Signal::SIGKILL);
    wait_for("the engine's end", || (!is_engine(engine)).then_some(()));
    assert!(sent.elapsed() < PATIENCE, "{:?}", sent.elapsed());
    assert_eq!(run.end().0, -1);
}

#[test]
fn an_engine_that_somebody_kills_is_replaced() {
    const FILES: u8 = 10;
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_speech(&folder.join("audio"), FILES, 5);
    let transcribe = |out: &str| {
        Running::start(verbatim(folder).args(["transcribe", "audio", "-o", out, "--formats", "json"]))
    };
    let mut run = transcribe("killed");
    run.hear("Transcribing ");
    let engine = run.engine();
    send(engine, Signal::SIGKILL);
    let (code, said) = run.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ENGINE replaced (Crash): engine 1: killed by signal 9 (SIGKILL)"), "{said}");
    assert!(said.contains("Replaced: 1 engine (Crash 1)"), "{said}");
    assert!(said.contains(&format!("Transcribed: {FILES} files")), "{said}");

    let (code, said) = transcribe("calm").end();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("ENGINE"), "{said}");
    let calm = contents(&folder.join("calm"));
    assert_eq!(calm.len(), usize::from(FILES));
    assert!(contents(&folder.join("killed")) == calm);
}

#[test]
fn orphans_are_waited_for_by_the_first_process_of_a_container() {
    let _alone = alone();
    let probe = Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        not_checked(&format!("that PID 1 waits for orphans, since no namespace can be made: {probe:?}"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_speech(&folder.path().join("audio"), 2, 4);
    // Children that verbatim did not start: one from before, and one whose parent has gone.
    let script = r#"sleep 1 & sh -c 'sleep 1.5 & :'; exec "$0" soak audio -o soak --rounds 5000"#;
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "sh", "-c", script, env!("CARGO_BIN_EXE_verbatim")]);
    let mut outside = Running::start(command.env_remove("VERBATIM_LOG").current_dir(folder.path()));
    let supervisor = wait_for("PID 1 of the namespace", || {
        children(outside.pid()).into_iter().find(|(_, name, _)| name == "verbatim").map(|(pid, ..)| pid)
    });
    let others = || -> Vec<(u32, String, char)> {
        children(supervisor).into_iter().filter(|(_, name, _)| name == "sleep").collect()
    };
    wait_for("both orphans", || (others().len() == 2).then_some(()));
    outside.hear("Soaking ");
    wait_for("no orphan to be left", || others().is_empty().then_some(()));
    assert!(outside.is_running(), "while the run goes on: {}", outside.said());
    assert_eq!(engines(supervisor).len(), 1, "its own child is none of them");
    assert!(!outside.said().contains("ENGINE"), "{}", outside.said());

    send(supervisor, Signal::SIGTERM);
    let (code, said) = outside.end();
    assert_eq!(code, 143, "{said}");
}

#[test]
fn without_model_or_runtime_it_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(sample("beckett.wav"), folder.join("a.wav")).unwrap();
    let transcribe = |command: &mut Command| {
        let (code, said) = Running::start(command.args(["a.wav", "-o", "out"])).end();
        assert!(!folder.join("out").exists(), "{said}");
        (code, said)
    };
    let (code, said) = transcribe(verbatim(folder).args(["transcribe", "--model", "./not-there"]));
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("not-there"), "{said}");

    let library = folder.join("libonnxruntime.so");
    fs::write(&library, "a text\n").unwrap();
    let (code, said) = transcribe(verbatim(folder).env("VERBATIM_ONNXRUNTIME", &library).arg("transcribe"));
    assert!([1, 78].contains(&code), "{code}: {said}");
    assert!(said.contains("libonnxruntime.so"), "{said}");
}
