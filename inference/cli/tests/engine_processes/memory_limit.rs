//! Memory that is limited for real, as in a container: the engine runs out of it, and everything gets done all the same.

// Helpers of tests are not known as tests to the lint.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use crate::cgroup::Limited;
use crate::processes::{Running, alone, digests, events, not_checked, verbatim, write_mono, write_speech};
use serde_json::Value;
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::sample;

/// A recording of 11 minutes in batches of up to 10 minutes: an engine then takes 330 MB, of which it has 160 MB before.
const REPEATED: usize = 15;
const BUDGET: &str = "600";
/// What it may take: enough for batches of some minutes.
const LIMIT: u64 = 250_000_000;

/// A cgroup with a limit; none where this machine allows none, which is told.
fn limited(bytes: u64, what: &str) -> Option<Limited> {
    Limited::make(bytes)
        .map_err(|why| not_checked(&format!("{what}, since no cgroup can be made: {why}")))
        .ok()
}

fn segments(path: &Path) -> Value {
    let transcript: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    transcript["segments"].clone()
}

#[test]
fn batches_that_are_too_large_for_the_limit_get_smaller() {
    let _alone = alone();
    let Some(cgroup) = limited(LIMIT, "a recording whose batches are too large for the memory") else {
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
    let (code, said) = Running::start(cgroup.enter(&mut transcribe("limited"))).end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ENGINE replaced ("), "{said}");
    let halved = |line: &str| {
        line.starts_with("BATCHES ")
            && line.contains("batches of 600 s")
            && line.contains("300 s from now on")
    };
    assert!(said.lines().any(halved), "{said}");
    println!("{said}");

    let (code, said) = Running::start(&mut transcribe("free")).end();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("BATCHES"), "{said}");
    let free = segments(&folder.join("free/long.json"));
    assert!(free.as_array().unwrap().len() > REPEATED);
    assert_eq!(segments(&folder.join("limited/long.json")), free);
}

#[test]
fn the_kernel_ends_an_engine_and_no_file() {
    const ROUNDS: usize = 2;
    const FILES: u8 = 4;
    let _alone = alone();
    let Some(cgroup) = limited(400_000_000, "an engine that the kernel kills for its memory") else { return };
    let folder = tempfile::tempdir().unwrap();
    write_speech(&folder.path().join("audio"), FILES, 4);
    let soak = |out: &str, arguments: &[&str]| {
        let mut command = verbatim(folder.path());
        command.args(["soak", "audio", "-o", out, "--rounds", &ROUNDS.to_string(), "--concurrency", "2"]);
        // Without limits of its own the supervisor leaves it to the kernel.
        command.args(["--memory-soft-limit", "0", "--memory-hard-limit", "0"]).args(arguments);
        let (code, said) = Running::start(cgroup.enter(&mut command)).end();
        assert_eq!(code, 0, "{said}");
        folder.path().join(out)
    };
    let calm = soak("calm", &[]);
    let tasks = ROUNDS * usize::from(FILES);
    let struck = soak("struck", &["--inject", "oom@2"]);
    assert_eq!(digests(&struck, tasks), digests(&calm, tasks));
    let condemned = events(&struck, "engine_condemned");
    assert_eq!(condemned.len(), 1, "{condemned:#?}");
    assert_eq!(condemned[0]["reason"], "OutOfMemory", "{condemned:#?}");
    let why = condemned[0]["why"].as_str().unwrap();
    assert!(why.contains("by the kernel, since memory ran out"), "{why}");
}
