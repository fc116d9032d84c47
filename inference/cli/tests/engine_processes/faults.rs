//! Injected engine faults (`verbatim soak --inject`): whatever happens to engines, every file gets exactly
//! one result, equal to the result without faults.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::cgroup::Limited;
use crate::machine::alone;
use crate::processes::{Running, digests, events, json_lines, not_checked, verbatim, wait_for, write_speech};
use serde_json::Value;

/// Recordings per round.
const FILES: usize = 8;
/// A batch budget of about one segment, so that a hung engine is detected within seconds.
const BUDGET: &str = "4";
/// Time limit of a soak, and the extra time per random fault: a hung engine is silent for seconds.
const TIMEOUT: Duration = Duration::from_secs(60);
const PER_FAULT: Duration = Duration::from_secs(5);
/// Memory limit for random faults: two engines, and the leaks of some files.
const LIMIT: u64 = 700_000_000;
/// Default number of random faults; `VERBATIM_CHAOS_FAULTS` sets another.
const CHAOS_FAULTS: usize = 25;
/// Default seed of random faults; `VERBATIM_CHAOS_SEED` sets another.
const CHAOS_SEED: u64 = 20_261_124;

/// The recordings, and the digests of their transcripts in a soak without faults.
struct Baseline {
    folder: tempfile::TempDir,
    digests: BTreeMap<String, String>,
}

fn baseline() -> &'static Baseline {
    static BASELINE: OnceLock<Baseline> = OnceLock::new();
    BASELINE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        write_speech(&folder.path().join("audio"), FILES as u8, 4);
        let (code, stderr) = soak(folder.path(), "baseline", &["--rounds", "1"]).end();
        assert_eq!(code, 0, "{stderr}");
        let digests = digests(&folder.path().join("baseline"), FILES);
        assert_eq!(digests.len(), FILES);
        Baseline { folder, digests }
    })
}

/// Starts a soak over the folder `audio`.
fn soak(folder: &Path, out: &str, arguments: &[&str]) -> Running {
    Running::start(verbatim(folder).args(["soak", "audio", "-o", out, "--concurrency", "2"]).args(arguments))
}

/// Runs a soak over the recordings and checks that it succeeds. Returns its folder and its standard error.
#[track_caller]
fn run_soak(out: &str, timeout: Duration, arguments: &[&str]) -> (PathBuf, String) {
    let folder = baseline().folder.path();
    let (code, stderr) = soak(folder, out, arguments).end_within(timeout);
    assert_eq!(code, 0, "{stderr}");
    (folder.join(out), stderr)
}

/// Body of an HTTP response.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}

#[test]
fn a_file_that_crashes_every_engine_is_the_only_failed_file() {
    const ROUNDS: usize = 2;
    let _alone = alone();
    let baseline = baseline();
    let folder = tempfile::tempdir().unwrap();
    let audio = folder.path().join("audio");
    fs::create_dir(&audio).unwrap();
    for name in baseline.digests.keys() {
        fs::copy(baseline.folder.path().join("audio").join(name), audio.join(name)).unwrap();
    }
    fs::copy(audio.join("c.wav"), audio.join("bad.wav")).unwrap();
    let rounds = ROUNDS.to_string();
    let arguments = ["--rounds", &rounds, "--inject", "crash=bad.wav", "--http", "127.0.0.1:0"];
    let mut soak = soak(folder.path(), "soak", &arguments);
    let line = soak.wait_for_line("Serving http://");
    let address = line.strip_prefix("Serving http://").unwrap().split('/').next().unwrap().to_owned();
    let failures = |metrics: String| -> Option<f64> {
        let name = "verbatim_file_failures_total{reason=\"EngineCrashed\"} ";
        metrics.lines().find_map(|line| line.strip_prefix(name))?.parse().ok()
    };
    wait_for("a failure in the metrics", || {
        failures(get(&address, "/metrics")).filter(|count| *count >= 1.0)
    });
    let status: Value = serde_json::from_str(&get(&address, "/status")).unwrap();
    let shown = status["failures"].to_string();
    assert!(shown.contains("bad.wav") && shown.contains("EngineCrashed"), "{status:#}");
    assert!(soak.is_running(), "the soak has ended before its status was read");

    let (code, stderr) = soak.end();
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains(&format!("Failed: {ROUNDS} (EngineCrashed {ROUNDS})")), "{stderr}");
    let lines = json_lines(&folder.path().join("soak/results.jsonl"));
    assert_eq!(lines.len(), ROUNDS * (FILES + 1));
    for line in lines {
        let name = line["audio_file"].as_str().unwrap();
        if name == "bad.wav" {
            assert_eq!(line["status"], "failed");
            assert!(line["error"].as_str().unwrap().starts_with("EngineCrashed: "), "{line}");
            // Up to one attempt beside other files, which proves nothing, and 3 attempts alone.
            assert!([3, 4].contains(&line["attempts"].as_u64().unwrap()), "{line}");
        } else {
            assert_eq!(line["status"], "success", "{line}");
            assert_eq!(line["result_sha256"], baseline.digests[name], "{line}");
        }
    }
}

#[test]
fn each_fault_costs_one_engine_and_no_file() {
    const ROUNDS: usize = 5;
    let _alone = alone();
    let faults = [
        ("crash@4", "Crash"),
        ("oom@11", "OutOfMemory"),
        ("malformed@18", "Protocol"),
        ("kill@25", "Crash"),
        ("stop@32", "Wedged"),
        // The last one: other files overtake a hung file, so that the next fault would hit the same engine.
        ("hang@38", "Wedged"),
    ];
    let rounds = ROUNDS.to_string();
    let mut arguments = vec!["--rounds", &rounds, "--wedged-after", "2", "--max-padded-seconds", BUDGET];
    for (fault, _) in faults {
        arguments.extend(["--inject", fault]);
    }
    let (out, _) = run_soak("each", TIMEOUT, &arguments);
    assert_eq!(digests(&out, ROUNDS * FILES), baseline().digests);

    let injected = events(&out, "fault_injected");
    let condemned = events(&out, "engine_condemned");
    let when = |event: &Value| event["elapsed_seconds"].as_f64().unwrap();
    for (fault, reason) in faults {
        let hits: Vec<_> = injected.iter().filter(|event| event["fault"] == fault).collect();
        assert_eq!(hits.len(), 1, "{fault} is injected once: {injected:#?}");
        let end = condemned.iter().find(|event| event["engine"] == hits[0]["engine"]);
        let end = end.unwrap_or_else(|| panic!("{fault} ends no engine: {condemned:#?}"));
        assert_eq!(end["reason"], reason, "{fault}: {end}");
        assert!(when(end) >= when(hits[0]), "{fault}");
    }
    assert_eq!(condemned.len(), faults.len(), "{condemned:#?}");
}

#[test]
fn a_leaking_engine_is_replaced_before_its_hard_limit() {
    // An engine does about 20 files before it is replaced; its growth is detected after 12.
    const ROUNDS: usize = 8;
    let _alone = alone();
    let hard = 700_u64 << 20;
    let rounds = ROUNDS.to_string();
    let (out, stderr) = run_soak(
        "leak",
        TIMEOUT,
        &[
            "--rounds",
            &rounds,
            "--inject",
            "leak=12MB/file",
            "--memory-soft-limit",
            "400Mi",
            "--memory-hard-limit",
            "700Mi",
        ],
    );
    assert_eq!(digests(&out, ROUNDS * FILES), baseline().digests);
    let condemned = events(&out, "engine_condemned");
    assert!(condemned.len() > 1, "{stderr}");
    for event in &condemned {
        assert_eq!(event["reason"], "Memory", "{event}");
    }
    let gaps = events(&out, "gap");
    // The last replaced engine may have done the last file.
    assert!(gaps.len() + 1 >= condemned.len(), "{stderr}");
    // With overlap the median gap is imperceptible. Without overlap a gap takes at least the load time of the
    // next engine, even on a busy machine; every gap has to be shorter.
    let mut seconds: Vec<f64> = gaps.iter().map(|gap| gap["seconds"].as_f64().unwrap()).collect();
    seconds.sort_by(f64::total_cmp);
    assert!(seconds[seconds.len() / 2] < 0.05, "{seconds:?}");
    let ready = events(&out, "engine_ready");
    let load = |engine: &Value| {
        let loaded = ready.iter().find(|event| event["engine"] == *engine);
        loaded.unwrap_or_else(|| panic!("engine {engine} was never ready"))["load_seconds"].as_f64().unwrap()
    };
    for gap in &gaps {
        assert_eq!(gap["overlapped"], true, "{gap}");
        assert!(gap["seconds"].as_f64().unwrap() < load(&gap["engine"]), "{gap}: {ready:#?}");
    }
    let mut table = csv::Reader::from_path(out.join("resources.csv")).unwrap();
    let lines = table.deserialize().map(|line: Result<BTreeMap<String, String>, _>| line.unwrap());
    let resident: Vec<f64> = lines
        .filter(|line| line["process_name"] == "engine")
        .map(|line| line["memory_rss_mb"].parse().unwrap())
        .collect();
    let peak = resident.iter().copied().fold(0.0, f64::max);
    assert!(peak > 200.0 && peak * 1e6 < hard as f64, "the leak is visible and bounded: {peak} MB");
}

#[test]
fn random_faults_change_no_transcript() {
    let _alone = alone();
    let number = |name: &str, default| {
        std::env::var(name)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
    };
    let faults = number("VERBATIM_CHAOS_FAULTS", CHAOS_FAULTS as u64) as usize;
    let seed = number("VERBATIM_CHAOS_SEED", CHAOS_SEED);
    // Three files per fault, so that some engines live for a while.
    let rounds = (3 * faults).div_ceil(FILES);
    let (rounds_text, seed_text) = (rounds.to_string(), seed.to_string());
    let inject = format!("random={faults}");
    // With a limit, so that the kernel or the supervisor kills an engine that fills its memory.
    let cgroup = Limited::make(LIMIT)
        .map_err(|why| {
            not_checked(&format!("faults under a memory limit, since no cgroup can be created: {why}"))
        })
        .ok();
    let folder = baseline().folder.path();
    let mut command = verbatim(folder);
    command.args(["soak", "audio", "-o", "chaos", "--concurrency", "2"]);
    command.args([
        "--rounds",
        &rounds_text,
        "--inject",
        &inject,
        "--seed",
        &seed_text,
        "--wedged-after",
        "2",
        "--max-padded-seconds",
        BUDGET,
    ]);
    if let Some(cgroup) = &cgroup {
        cgroup.enter(&mut command);
    }
    let (code, stderr) = Running::start(&mut command).end_within(TIMEOUT + PER_FAULT * faults as u32);
    assert_eq!(code, 0, "{stderr}");
    let out = folder.join("chaos");
    let seed = format!("(seed {seed})");
    assert!(stderr.contains(&seed), "{stderr}");
    assert_eq!(digests(&out, rounds * FILES), baseline().digests, "{seed}");
    let hits = events(&out, "fault_injected");
    assert_eq!(hits.len(), faults, "{seed}");
    println!("{faults} faults {seed}, {} engines replaced", events(&out, "engine_condemned").len());
}
