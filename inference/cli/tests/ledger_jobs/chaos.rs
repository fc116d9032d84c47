//! Workers that are killed and stopped at random, with clocks hours apart, over a network that loses and delays: nothing is
//! lost, nothing is twice, nothing is half-written.
//!
//! `VERBATIM_CHAOS_RUNS` says how many runs (2 by default, `make chaos-workers` 50), `VERBATIM_CHAOS_SEED` where they begin;
//! each prints its seed, and with that seed and one run it can be repeated.
#![allow(clippy::unwrap_used, reason = "a test may fail so, helpers of it included")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::processes::{Running, not_checked};
use nix::sys::signal::Signal;
use verbatim_fixtures::random::Xorshift;
use verbatim_testing::proxy::{Fault, Faults, Proxy};

const RECORDINGS: usize = 40;
const WORKERS: usize = 3;
/// Short, so that a stop of some seconds is longer.
const LEASE: &str = "2";
/// What a run may take; it takes some seconds without faults.
const PATIENCE: Duration = Duration::from_secs(240);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Sets a worker's clock hours off, where the library for that is there.
fn set_clock(command: &mut Command, hours: i64) {
    let Some(library) = faketime() else { return };
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", format!("{hours:+}h"))
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

/// The library that sets clocks off, where `scripts/setup.sh faketime` has put it.
fn faketime() -> Option<PathBuf> {
    let tools = std::env::var_os("VERBATIM_TOOLS").map(PathBuf::from);
    let tools =
        tools.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/verbatim/tools")))?;
    Some(tools.join("faketime/libfaketimeMT.so.1")).filter(|library| library.exists())
}

#[test]
fn random_faults_lose_nothing() {
    let (runs, first) = (number("VERBATIM_CHAOS_RUNS", 2), number("VERBATIM_CHAOS_SEED", 20_261_124));
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + runs {
        let begun = Instant::now();
        let faults = run(seed);
        println!("seed {seed}: {faults:?} in {:.1} s", begun.elapsed().as_secs_f64());
        for (fault, count) in faults {
            *all.entry(fault).or_default() += count;
        }
    }
    println!("{} faults in {runs} runs: {all:?}", all.values().sum::<u64>());
    if faketime().is_none() {
        not_checked(
            "workers with clocks hours apart: scripts/setup.sh faketime has not put libfaketime here",
        );
    }
}

/// One job under faults. Gives what went wrong.
fn run(seed: u64) -> BTreeMap<String, u64> {
    let mut dice = Xorshift::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let bucket = Bucket::new(RECORDINGS);
    let reference = bucket.reference();
    let faults = Faults { late: Duration::from_secs(3), ..Faults::all(0.08) };
    let proxy = Proxy::start(&bucket.server.endpoint(), seed, faults).unwrap();
    let manifest = bucket.manifest("chaos", &proxy.endpoint(), "");
    // Kills are ours and not the recordings' doing: of so many in so short a time three may hit one that is alone.
    let policy = "  failurePolicy: {maxAttemptsPerFile: 100}\n";
    std::fs::write(&manifest, std::fs::read_to_string(&manifest).unwrap() + policy).unwrap();
    let hours = [0, 7, -5];
    let start = |number: usize| {
        let mut command = bucket.command("run", &manifest);
        command.args(["--threads", "1", "--lease", LEASE]);
        set_clock(&mut command, hours[number]);
        Running::start(&mut command)
    };
    let mut workers: Vec<Running> = (0..WORKERS).map(start).collect();
    let mut mishaps: BTreeMap<String, u64> = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    let mut stopped: Vec<(Instant, usize)> = Vec::new();
    let mut next = Instant::now() + Duration::from_millis(300);
    while workers.iter_mut().any(Running::is_running) {
        for (number, worker) in workers.iter_mut().enumerate() {
            // As a Job would: something failed that may succeed another time.
            if worker.was_refused() {
                println!(
                    "seed {seed}: a worker gave up: {}",
                    worker.said().lines().last().unwrap_or_default()
                );
                *worker = start(number);
                *mishaps.entry("exit 1".to_owned()).or_default() += 1;
            }
        }
        assert!(Instant::now() < deadline, "seed {seed}: it does not end: {}", workers[0].said());
        let now = Instant::now();
        stopped.retain(|(until, number)| {
            let over = now >= *until;
            if over && workers[*number].is_running() {
                workers[*number].signal(Signal::SIGCONT);
            }
            !over
        });
        if now >= next {
            next = now + Duration::from_millis(200 + dice.below(900) as u64);
            let number = dice.below(WORKERS);
            if workers[number].is_running() && stopped.iter().all(|(_, stopped)| *stopped != number) {
                if dice.below(2) == 0 {
                    workers[number].signal(Signal::SIGKILL);
                    workers[number].end();
                    workers[number] = start(number);
                    *mishaps.entry("SIGKILL".to_owned()).or_default() += 1;
                } else {
                    workers[number].signal(Signal::SIGSTOP);
                    stopped.push((now + Duration::from_millis(500 + dice.below(4_500) as u64), number));
                    *mishaps.entry("SIGSTOP".to_owned()).or_default() += 1;
                }
            }
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    for worker in &mut workers {
        let (code, said) = worker.end();
        assert_eq!(code, 0, "seed {seed}: {said}");
    }
    bucket.check("chaos", &reference);
    for (fault, count) in proxy.counts().faults {
        *mishaps.entry(name(fault)).or_default() += count;
    }
    mishaps
}

fn name(fault: Fault) -> String {
    format!("{fault:?}")
}
