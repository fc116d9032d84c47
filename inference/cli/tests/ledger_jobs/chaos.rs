//! Workers that are killed and stopped at random, with clocks hours apart, over a network that loses and
//! delays requests: no result is lost, duplicated or half-written.
//!
//! `VERBATIM_CHAOS_RUNS` sets the number of runs (2 by default, 50 in `make chaos-workers`),
//! `VERBATIM_CHAOS_SEED` the first seed. Each run prints its seed; with that seed and one run it can be
//! repeated.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::machine::alone;
use crate::processes::{Running, not_checked};
use nix::sys::signal::Signal;
use verbatim_fixtures::random::Xorshift;
use verbatim_testing::proxy::{Fault, Faults, Proxy};

const RECORDINGS: usize = 40;
const WORKERS: usize = 3;
/// Lease in seconds, shorter than a stop of some seconds.
const LEASE: &str = "2";
/// Time limit of a run, which takes some seconds without faults.
const TIMEOUT: Duration = Duration::from_secs(240);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Shifts a worker's clock by some hours, if the library for that exists.
fn set_clock(command: &mut Command, hours: i64) {
    let Some(library) = faketime() else { return };
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", format!("{hours:+}h"))
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

/// The library that shifts clocks, if `scripts/setup.sh faketime` has installed it.
fn faketime() -> Option<PathBuf> {
    let tools = std::env::var_os("VERBATIM_TOOLS").map(PathBuf::from);
    let tools =
        tools.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/verbatim/tools")))?;
    Some(tools.join("faketime/libfaketimeMT.so.1")).filter(|library| library.exists())
}

#[test]
fn random_faults_lose_nothing() {
    let _alone = alone();
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
            "workers with clocks hours apart: scripts/setup.sh faketime has not installed libfaketime",
        );
    }
}

/// Runs one job under faults. Returns the number of faults by kind.
fn run(seed: u64) -> BTreeMap<String, u64> {
    let mut dice = Xorshift::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let bucket = Bucket::new(RECORDINGS);
    let reference = bucket.reference();
    let faults = Faults { late: Duration::from_secs(3), ..Faults::all(0.08) };
    let proxy = Proxy::start(&bucket.server.endpoint(), seed, faults).unwrap();
    let manifest = bucket.manifest("chaos", &proxy.endpoint(), "");
    // The kills are ours, not the recordings' fault: three of so many in so short a time can hit the same
    // recording alone.
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
    let mut faults_by_kind: BTreeMap<String, u64> = BTreeMap::new();
    let deadline = Instant::now() + TIMEOUT;
    let mut stopped: Vec<(Instant, usize)> = Vec::new();
    let mut next = Instant::now() + Duration::from_millis(300);
    while workers.iter_mut().any(Running::is_running) {
        for (number, worker) in workers.iter_mut().enumerate() {
            // Restart after a failure, as a Kubernetes Job does.
            if worker.has_failed() {
                println!(
                    "seed {seed}: a worker gave up: {}",
                    worker.stderr().lines().last().unwrap_or_default()
                );
                *worker = start(number);
                *faults_by_kind.entry("exit 1".to_owned()).or_default() += 1;
            }
        }
        assert!(Instant::now() < deadline, "seed {seed}: the job does not end: {}", workers[0].stderr());
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
                    *faults_by_kind.entry("SIGKILL".to_owned()).or_default() += 1;
                } else {
                    workers[number].signal(Signal::SIGSTOP);
                    stopped.push((now + Duration::from_millis(500 + dice.below(4_500) as u64), number));
                    *faults_by_kind.entry("SIGSTOP".to_owned()).or_default() += 1;
                }
            }
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    for worker in &mut workers {
        let (code, stderr) = worker.end();
        assert_eq!(code, 0, "seed {seed}: {stderr}");
    }
    bucket.check("chaos", &reference);
    for (fault, count) in proxy.counts().faults {
        *faults_by_kind.entry(name(fault)).or_default() += count;
    }
    faults_by_kind
}

fn name(fault: Fault) -> String {
    format!("{fault:?}")
}
