//! Interrupted runs: finished work is kept, no file is half-written, the next run resumes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine::{alone, shared};
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::sample;
use verbatim_fixtures::outputs::{contents, manifest};
use verbatim_fixtures::random::Xorshift;
use verbatim_fixtures::wav::Wav;

/// Time limit for a signal to end a run, well below Kubernetes' default grace period of 30 s. The files that
/// are found afterwards show that the run did not finish them first.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

fn job(folder: &Path, manifest: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim"));
    command.env_remove("VERBATIM_LOG").current_dir(folder).args(["run", "-f", manifest]);
    command
}

/// Runs a job to its end. Returns its standard error.
#[track_caller]
fn run(folder: &Path, manifest: &str) -> String {
    let output = job(folder, manifest).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    err
}

fn mono(path: &Path, audio: &[f32], bytes: impl Fn(Vec<u8>) -> Vec<u8>) {
    fs::write(path, bytes(Wav::s16(16_000, &[audio.to_vec()]).bytes())).unwrap();
}

#[test]
fn a_signal_shuts_a_run_down_gracefully() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("audio")).unwrap();
    // A truncated recording gives a warning once it is done, which is the moment for the signal.
    mono(&folder.join("audio/a.wav"), &samples(&sample("beckett.wav")), |bytes| {
        bytes[..bytes.len() / 2].to_vec()
    });
    mono(&folder.join("audio/b.wav"), &samples(&sample("two_cities.wav")).repeat(4), |bytes| bytes);
    fs::copy(sample("beckett.wav"), folder.join("audio/c.wav")).unwrap();
    run(folder, &manifest(folder, "baseline"));
    let baseline = contents(&folder.join("baseline"));
    assert_eq!(baseline.len(), 3 * 4);

    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let manifest = manifest(folder, signal);
        let mut child = job(folder, &manifest).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.starts_with("WARNING a.wav: ")), "a.wav is done");
        let sent = Instant::now();
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let rest: Vec<String> = lines.collect();
        let ended = child.wait().unwrap();
        let took = sent.elapsed();
        println!("{signal}: {took:?}");
        assert_eq!(ended.code(), Some(code), "{rest:?}");
        assert!(took < SHUTDOWN_LIMIT, "{signal} took {took:?}");
        assert!(rest.iter().any(|line| line.starts_with("Interrupted: ")), "{rest:?}");

        let found = contents(&folder.join(signal));
        assert!(found.iter().all(|(path, bytes)| baseline.get(path) == Some(bytes)), "{:?}", found.keys());
        assert!(found.contains_key(Path::new("a.json")) && !found.contains_key(Path::new("b.json")));
        let err = run(folder, &manifest);
        assert!(err.contains("Already done, skipped: "), "{err}");
        assert!(contents(&folder.join(signal)) == baseline, "after {signal} and a second run");
    }
}

#[test]
fn a_killed_run_is_resumed() {
    let _machine = shared();
    const KILLS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("audio")).unwrap();
    for (n, audio) in samples(&sample("two_cities.wav")).chunks(4 * 16_000 + 321).enumerate() {
        mono(&folder.join(format!("audio/{n}.wav")), audio, |bytes| bytes);
    }
    let begun = Instant::now();
    run(folder, &manifest(folder, "baseline"));
    let mut milliseconds = begun.elapsed().as_millis() as usize;
    let baseline = contents(&folder.join("baseline"));

    let manifest = manifest(folder, "killed");
    let killed = folder.join("killed");
    let mut dice = Xorshift::new(20);
    let mut kills = 0;
    while kills < KILLS {
        let after = 1 + dice.below(milliseconds);
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", &format!("{}.{:03}", after / 1000, after % 1000)]);
        command.arg(env!("CARGO_BIN_EXE_verbatim")).args(["run", "-q", "-f", &manifest]).current_dir(folder);
        let begun = Instant::now();
        let done = command.status().unwrap().success();
        let found = if killed.exists() { contents(&killed) } else { BTreeMap::new() };
        println!("killed after {after} of {milliseconds} ms: {} of {} files", found.len(), baseline.len());
        let temporary = |path: &PathBuf| path.to_string_lossy().starts_with(".verbatim-");
        for (path, bytes) in found.iter().filter(|(path, _)| !temporary(path)) {
            assert!(baseline.get(path) == Some(bytes), "{} is half-written", path.display());
        }
        if done {
            // The run ended before the kill: start again, and kill earlier.
            assert!(found == baseline, "{:?}", found.keys());
            fs::remove_dir_all(&killed).unwrap();
            milliseconds = milliseconds.min(begun.elapsed().as_millis() as usize);
        } else {
            kills += 1;
        }
    }
    run(folder, &manifest);
    let found = contents(&killed);
    assert!(found == baseline, "after {KILLS} kills: {:?}", found.keys());
}
