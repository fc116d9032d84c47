//! Signals to the supervisor and to its engine: recordings in flight finish within the grace period, no
//! engine outlives its supervisor, nothing is lost.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::machine::alone;
use crate::processes::{
    Running, children, engines, is_engine, not_checked, send, verbatim, wait_for, write_mono, write_speech,
};
use nix::sys::signal::Signal;
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::sample;
use verbatim_fixtures::outputs::{contents, manifest};

/// Time limit for a second signal to end all processes: half of what an engine needs for [`write_long`].
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// Writes a recording of 18 minutes: about 20 seconds for an engine on two processors, longer if they are
/// busy.
fn write_long(path: &Path) {
    write_mono(path, &samples(&sample("two_cities.wav")).repeat(24));
}

/// Runs a manifest that writes into `out`, with few files in flight at once.
fn job(folder: &Path, out: &str, arguments: &[&str]) -> Running {
    let name = manifest(folder, out);
    let path = folder.join(&name);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}  batching: {{maxPaddedSeconds: 30}}\n")).unwrap();
    Running::start(verbatim(folder).args(["run", "-f", &name]).args(arguments))
}

/// Whether a process has a file of this name open. An engine opens a recording when it receives it.
fn has_open(pid: u32, name: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| fs::read_link(file.path()).ok()).any(|file| file.ends_with(name))
}

/// Whether a signal is pending in a process.
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
    // A truncated recording gives a warning once it is done, which is the moment for the signal.
    let first = audio.join("a.wav");
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, &bytes[..bytes.len() / 4]).unwrap();
    let (code, stderr) = job(folder, "baseline", &[]).end();
    assert_eq!(code, 0, "{stderr}");
    let baseline = contents(&folder.join("baseline"));
    assert_eq!(baseline.len(), usize::from(FILES) * 4);

    let mut run = job(folder, "drained", &["--grace-period", "30"]);
    run.wait_for_line("WARNING a.wav: ");
    run.signal(Signal::SIGTERM);
    let (code, stderr) = run.end();
    assert_eq!(code, 75, "{stderr}");
    let drained = folder.join("drained");
    let written = contents(&drained);
    for (path, bytes) in &written {
        assert!(baseline.get(path) == Some(bytes), "{} is half-written or differs", path.display());
    }
    // At least the files that two decode workers had begun beside the first one; not the files that no engine
    // had.
    let done = written.len() / 4;
    assert!(
        written.len().is_multiple_of(4) && (2..usize::from(FILES)).contains(&done),
        "{done} files: {stderr}"
    );
    let left = format!("Interrupted: {} files not done", usize::from(FILES) - done);
    assert!(stderr.contains(&left) && !stderr.contains("FAILED") && !stderr.contains("ENGINE"), "{stderr}");

    let (code, stderr) = job(folder, "drained", &[]).end();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains(&format!("Already done, skipped: {done} file")), "{stderr}");
    assert!(contents(&drained) == baseline, "after a second run");
}

#[test]
fn a_second_signal_ends_supervisor_and_engine_at_once() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("audio")).unwrap();
    write_long(&folder.join("audio/long.wav"));
    let mut run = job(folder, "out", &["--grace-period", "60"]);
    run.wait_for_line("Transcribing ");
    let engine = run.engine();
    wait_for("the recording to be in flight", || has_open(engine, "long.wav").then_some(()));
    run.signal(Signal::SIGTERM);
    wait_for("the first signal to be handled", || (!is_pending(run.pid(), Signal::SIGTERM)).then_some(()));
    assert!(run.is_running() && is_engine(engine), "the recording in flight may finish");
    let sent = Instant::now();
    run.signal(Signal::SIGTERM);
    let (code, stderr) = run.end();
    assert_eq!(code, 143, "{stderr}");
    wait_for("the engine's end", || (!is_engine(engine)).then_some(()));
    let took = sent.elapsed();
    assert!(took < SHUTDOWN_LIMIT, "{took:?}");
    assert!(!folder.join("out/long.json").exists());
}

#[test]
fn an_engine_ends_with_its_supervisor() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    write_long(&folder.path().join("long.wav"));
    let mut run = Running::start(verbatim(folder.path()).args(["transcribe", "long.wav", "-o", "out"]));
    run.wait_for_line("Transcribing ");
    let engine = run.engine();
    assert!(is_engine(engine));
    let sent = Instant::now();
    run.signal(Signal::SIGKILL);
    wait_for("the engine's end", || (!is_engine(engine)).then_some(()));
    assert!(sent.elapsed() < SHUTDOWN_LIMIT, "{:?}", sent.elapsed());
    assert_eq!(run.end().0, -1);
}

#[test]
fn a_killed_engine_is_replaced() {
    const FILES: u8 = 10;
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_speech(&folder.join("audio"), FILES, 5);
    let transcribe = |out: &str| {
        Running::start(verbatim(folder).args(["transcribe", "audio", "-o", out, "--formats", "json"]))
    };
    let mut run = transcribe("killed");
    run.wait_for_line("Transcribing ");
    let engine = run.engine();
    send(engine, Signal::SIGKILL);
    let (code, stderr) = run.end();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("ENGINE replaced (Crash): engine 1: killed by signal 9 (SIGKILL)"), "{stderr}");
    assert!(stderr.contains("Replaced: 1 engine (Crash 1)"), "{stderr}");
    assert!(stderr.contains(&format!("Transcribed: {FILES} files")), "{stderr}");

    let (code, stderr) = transcribe("baseline").end();
    assert_eq!(code, 0, "{stderr}");
    assert!(!stderr.contains("ENGINE"), "{stderr}");
    let baseline = contents(&folder.join("baseline"));
    assert_eq!(baseline.len(), usize::from(FILES));
    assert!(contents(&folder.join("killed")) == baseline);
}

#[test]
fn the_first_process_of_a_container_reaps_orphans() {
    let _alone = alone();
    let probe = Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        not_checked(&format!("that PID 1 reaps orphans, since no namespace can be created: {probe:?}"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_speech(&folder.path().join("audio"), 2, 4);
    // Children that verbatim has not started: one from before its exec, and one whose parent has ended.
    let script = r#"sleep 1 & sh -c 'sleep 1.5 & :'; exec "$0" soak audio -o soak --rounds 5000"#;
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "sh", "-c", script, env!("CARGO_BIN_EXE_verbatim")]);
    let mut unshare = Running::start(command.env_remove("VERBATIM_LOG").current_dir(folder.path()));
    let supervisor = wait_for("PID 1 of the namespace", || {
        children(unshare.pid()).into_iter().find(|(_, name, _)| name == "verbatim").map(|(pid, ..)| pid)
    });
    let orphans = || -> Vec<(u32, String, char)> {
        children(supervisor).into_iter().filter(|(_, name, _)| name == "sleep").collect()
    };
    wait_for("both orphans", || (orphans().len() == 2).then_some(()));
    unshare.wait_for_line("Soaking ");
    wait_for("no orphan to be left", || orphans().is_empty().then_some(()));
    assert!(unshare.is_running(), "the soak has ended: {}", unshare.stderr());
    assert_eq!(engines(supervisor).len(), 1, "the engine counts as an orphan");
    assert!(!unshare.stderr().contains("ENGINE"), "{}", unshare.stderr());

    send(supervisor, Signal::SIGTERM);
    let (code, stderr) = unshare.end();
    assert_eq!(code, 143, "{stderr}");
}

#[test]
fn a_missing_model_or_runtime_is_named_in_the_error() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(sample("beckett.wav"), folder.join("a.wav")).unwrap();
    let transcribe = |command: &mut Command| {
        let (code, stderr) = Running::start(command.args(["a.wav", "-o", "out"])).end();
        assert!(!folder.join("out").exists(), "{stderr}");
        (code, stderr)
    };
    let (code, stderr) = transcribe(verbatim(folder).args(["transcribe", "--model", "./not-there"]));
    assert_eq!(code, 78, "{stderr}");
    assert!(stderr.contains("not-there"), "{stderr}");

    let library = folder.join("libonnxruntime.so");
    fs::write(&library, "a text\n").unwrap();
    let (code, stderr) = transcribe(verbatim(folder).env("VERBATIM_ONNXRUNTIME", &library).arg("transcribe"));
    assert!([1, 78].contains(&code), "{code}: {stderr}");
    assert!(stderr.contains("libonnxruntime.so"), "{stderr}");
}
