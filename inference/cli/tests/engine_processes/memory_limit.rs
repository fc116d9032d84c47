//! A real memory limit, as in a container: the engine runs out of memory, and every recording is transcribed
//! all the same.

use std::fs;
use std::path::Path;

use crate::cgroup::Limited;
use crate::machine::alone;
use crate::processes::{Running, digests, events, not_checked, verbatim, write_mono, write_speech};
use serde_json::Value;
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::sample;

/// Repetitions that make a recording of 11 minutes. In batches of up to 10 minutes an engine then takes 330
/// MB, 160 MB of which before the first batch.
const REPEATED: usize = 15;
/// Batch budget in seconds.
const BUDGET: &str = "600";
/// Memory limit in bytes, enough for batches of some minutes.
const LIMIT: u64 = 250_000_000;

/// A cgroup with a limit; none, which is reported, if this machine allows none.
fn limited(bytes: u64, what: &str) -> Option<Limited> {
    Limited::make(bytes)
        .map_err(|why| not_checked(&format!("{what}, since no cgroup can be created: {why}")))
        .ok()
}

fn segments(path: &Path) -> Value {
    let transcript: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    transcript["segments"].clone()
}

#[test]
fn batches_shrink_until_they_fit_the_memory_limit() {
    let _alone = alone();
    let Some(cgroup) = limited(LIMIT, "batches that are too large for the memory limit") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_mono(&folder.join("long.wav"), &samples(&sample("two_cities.wav")).repeat(REPEATED));
    let transcribe = |out: &str| {
        let mut command = verbatim(folder);
        command.args([
            "transcribe",
            "long.wav",
            "-o",
            out,
            "--formats",
            "json",
            "--max-padded-seconds",
            BUDGET,
        ]);
        command
    };
    let (code, stderr) = Running::start(cgroup.enter(&mut transcribe("limited"))).end();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("ENGINE replaced ("), "{stderr}");
    let halved = |line: &str| {
        line.starts_with("BATCHES ")
            && line.contains("batches of 600 s")
            && line.contains("300 s from now on")
    };
    assert!(stderr.lines().any(halved), "{stderr}");
    println!("{stderr}");

    let (code, stderr) = Running::start(&mut transcribe("free")).end();
    assert_eq!(code, 0, "{stderr}");
    assert!(!stderr.contains("BATCHES"), "{stderr}");
    let free = segments(&folder.join("free/long.json"));
    assert!(free.as_array().unwrap().len() > REPEATED);
    assert_eq!(segments(&folder.join("limited/long.json")), free);
}

#[test]
fn an_engine_killed_by_the_kernel_costs_no_file() {
    const ROUNDS: usize = 2;
    const FILES: u8 = 4;
    let _alone = alone();
    let Some(cgroup) = limited(400_000_000, "an engine that the kernel kills when memory runs out") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write_speech(&folder.path().join("audio"), FILES, 4);
    let soak = |out: &str, arguments: &[&str]| {
        let mut command = verbatim(folder.path());
        command.args(["soak", "audio", "-o", out, "--rounds", &ROUNDS.to_string(), "--concurrency", "2"]);
        // Without limits of its own the supervisor leaves the kill to the kernel.
        command.args(["--memory-soft-limit", "0", "--memory-hard-limit", "0"]).args(arguments);
        let (code, stderr) = Running::start(cgroup.enter(&mut command)).end();
        assert_eq!(code, 0, "{stderr}");
        folder.path().join(out)
    };
    let baseline = soak("baseline", &[]);
    let tasks = ROUNDS * usize::from(FILES);
    let faulty = soak("faulty", &["--inject", "oom@2"]);
    assert_eq!(digests(&faulty, tasks), digests(&baseline, tasks));
    let condemned = events(&faulty, "engine_condemned");
    assert_eq!(condemned.len(), 1, "{condemned:#?}");
    assert_eq!(condemned[0]["reason"], "OutOfMemory", "{condemned:#?}");
    let why = condemned[0]["why"].as_str().unwrap();
    assert!(why.contains("by the kernel, since memory ran out"), "{why}");
}
