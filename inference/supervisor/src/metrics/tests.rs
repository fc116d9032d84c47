use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use verbatim_crds::contract::{RecycleReason, metrics as name};

use super::*;
use crate::decide::MemoryLimits;
use crate::engine_event::EngineNumber;
use crate::measure::{Cgroup, Gpu, Machine, Process, Snapshot};
use crate::stats::Slope;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::{ArenaStats, Stats};

fn process(cpu_seconds: f64) -> Process {
    Process {
        pid: 1,
        resident: 1000,
        peak_resident: 2000,
        proportional: Some(900),
        anonymous: 500,
        swapped: 1,
        cpu_seconds,
        threads: 4,
        open_files: 9,
    }
}

fn full_snapshot() -> Snapshot {
    let limit = Some(1 << 30);
    Snapshot {
        supervisor: process(2.0),
        engines: vec![(1, process(10.0))],
        cgroup: Some(Cgroup {
            current: 5,
            working_set: 4,
            peak: Some(6),
            limit,
            headroom: limit,
            oom_kills: 1,
        }),
        machine: Machine { total: 10, available: 5 },
        gpus: vec![Gpu { index: 0, total: 80, used: 8, engines: Some(7) }],
    }
}

fn start(metrics: &Metrics, engine: EngineNumber) {
    metrics.observe(&EngineEvent::EngineStarted { engine, pid: 7 });
    let load = Duration::from_millis(300);
    metrics.observe(&EngineEvent::EngineReady { engine, load, description: "tiny", sandbox: &[] });
}

fn stats(inference_seconds: f64, segments: u64) -> Stats {
    Stats { inference_seconds, segments, segment_seconds: 9.0, padding_seconds: 1.0, ..Stats::default() }
}

/// Metrics after one event of each kind.
fn full() -> Metrics {
    let metrics = Metrics::new();
    start(&metrics, 1);
    let name = "a \"file\"\n\\ with {odd} name";
    let waited = Duration::from_secs(2);
    metrics.observe(&EngineEvent::FileBegun { engine: 1, file: 0, name, attempt: 1, waited, resident: 0 });
    metrics.observe(&EngineEvent::FileBegun { engine: 1, file: 1, name, attempt: 1, waited, resident: 0 });
    metrics.observe(&EngineEvent::FileDone {
        engine: 1,
        file: 0,
        audio_seconds: 100.0,
        processing_seconds: 3.0,
        resident: 0,
    });
    let failure =
        Failure { reason: FailureReason::Corrupt, message: name.to_owned(), position_seconds: None };
    metrics.observe(&EngineEvent::FileFailed { file: 2, name, failure: &failure, attempts: 1 });
    metrics.observe(&EngineEvent::FileSuspected { file: 3, name, reason: RecycleReason::Crash });
    metrics.observe(&EngineEvent::BudgetChanged { max_padded_seconds: 60.0, why: "as configured" });
    metrics.observe(&EngineEvent::Measured(&full_snapshot()));
    let memory = MemoryLimits { soft: Some(800), hard: Some(950) };
    // The last value counts.
    metrics.observe(&EngineEvent::Limits { memory, max_padded_seconds: 30.0 });
    metrics.spool_usage(SpoolUsage { files: 3, bytes: 300, limit_bytes: 4000 });
    let arena = Some(ArenaStats { in_use: 1, reserved: 2 });
    metrics.observe(&EngineEvent::EngineStats { engine: 1, stats: &Stats { arena, ..stats(5.0, 10) } });
    let slope = Slope { estimate: 1.5, low: -1.0, high: 4.0 };
    metrics.observe(&EngineEvent::GrowthEstimated {
        engine: 1,
        per_hour: slope,
        per_audio_hour: Some(slope),
    });
    metrics.observe(&EngineEvent::Gap { engine: 2, gap: Duration::from_secs(1), overlapped: false });
    metrics.store_request("put", "ok", Duration::from_millis(20));
    metrics.progress(&Progress {
        files: 10,
        done: 1,
        skipped: 2,
        remaining_bytes: 77,
        ..Progress::default()
    });
    metrics
}

fn text(metrics: &Metrics) -> String {
    metrics.encode(Format::Text).unwrap()
}

/// Value of a series such as `name{label="value"}`; none if it is absent.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = text(metrics);
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

#[test]
fn exactly_the_names_of_the_contract_are_exposed() {
    let text = text(&full());
    let exposed: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let agreed: BTreeSet<&str> = name::ALL.into_iter().chain(name::standard::ALL).collect();
    assert_eq!(exposed, agreed);
    // Each name is described once.
    assert_eq!(text.matches("# TYPE ").count(), exposed.len());
    assert_eq!(text.matches("# HELP ").count(), exposed.len());
}

#[test]
fn values_follow_the_events() {
    let metrics = full();
    let expected = [
        ("verbatim_process_resident_memory_bytes{process=\"engine\"}", 1000.0),
        ("verbatim_process_cpu_seconds_total{process=\"engine\"}", 10.0),
        ("verbatim_process_cpu_seconds_total{process=\"supervisor\"}", 2.0),
        ("process_cpu_seconds_total", 2.0),
        ("process_open_fds", 9.0),
        ("verbatim_engine_resident_memory_bytes", 1000.0),
        ("verbatim_engine_memory_growth_bytes_per_hour", 1.5),
        ("verbatim_engine_memory_growth_bound_bytes_per_hour{bound=\"lower\"}", -1.0),
        ("verbatim_engine_memory_growth_bound_bytes_per_audio_hour{bound=\"upper\"}", 4.0),
        ("verbatim_engine_arena_reserved_bytes", 2.0),
        ("verbatim_engine_memory_limit_bytes{limit=\"soft\"}", 800.0),
        ("verbatim_engine_memory_limit_bytes{limit=\"hard\"}", 950.0),
        ("verbatim_spool_files", 3.0),
        ("verbatim_spool_bytes", 300.0),
        ("verbatim_spool_limit_bytes", 4000.0),
        ("verbatim_engine_ready", 1.0),
        ("verbatim_cgroup_memory_limit_bytes", 1_073_741_824.0),
        ("verbatim_cgroup_oom_kills_total", 1.0),
        ("verbatim_cuda_memory_used_bytes{gpu=\"0\"}", 8.0),
        ("verbatim_engine_cuda_memory_used_bytes{gpu=\"0\"}", 7.0),
        ("verbatim_audio_seconds_total", 100.0),
        ("verbatim_segments_total", 10.0),
        ("verbatim_files_total{outcome=\"succeeded\"}", 1.0),
        ("verbatim_files_total{outcome=\"failed\"}", 1.0),
        ("verbatim_files_total{outcome=\"skipped\"}", 2.0),
        ("verbatim_file_failures_total{reason=\"Corrupt\"}", 1.0),
        ("verbatim_file_suspects_total", 1.0),
        ("verbatim_files_in_flight", 1.0),
        ("verbatim_file_real_time_factor_bucket{le=\"0.02\"}", 0.0),
        ("verbatim_file_real_time_factor_bucket{le=\"0.05\"}", 1.0),
        ("verbatim_batch_padding_ratio_sum", 0.1),
        ("verbatim_file_queue_seconds_sum", 4.0),
        ("verbatim_model_load_seconds_count", 1.0),
        ("verbatim_engine_gap_seconds_sum", 1.0),
        ("verbatim_batch_budget_seconds", 30.0),
        ("verbatim_remaining_bytes", 77.0),
        ("verbatim_remaining_files", 7.0),
        (concat!("verbatim_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ];
    for (series, want) in expected {
        assert_eq!(value(&metrics, series), Some(want), "{series}");
    }
}

#[test]
fn before_any_event_counters_are_zero_and_absent_things_have_no_metric() {
    let metrics = Metrics::new();
    for reason in FailureReason::ALL {
        assert_eq!(
            value(&metrics, &format!("verbatim_file_failures_total{{reason=\"{reason}\"}}")),
            Some(0.0)
        );
    }
    for reason in RecycleReason::ALL {
        let series = format!("verbatim_engine_recycles_total{{reason=\"{}\"}}", reason.as_str());
        assert_eq!(value(&metrics, &series), Some(0.0));
    }
    assert_eq!(value(&metrics, "verbatim_engine_ready"), Some(0.0));
    // A machine without a GPU, a limit, or an engine.
    metrics.observe(&EngineEvent::Measured(&Snapshot { supervisor: process(1.0), ..Snapshot::default() }));
    let text = text(&metrics);
    for absent in ["cuda", "cgroup", "growth", "arena", "remaining", "engine_resident", "budget"] {
        assert!(!text.contains(absent), "{absent}");
    }
    assert_eq!(value(&metrics, "verbatim_process_threads{process=\"engine\"}"), None);
    assert_eq!(value(&metrics, "verbatim_process_threads{process=\"supervisor\"}"), Some(4.0));
}

#[test]
fn counters_do_not_decrease_when_an_engine_is_replaced() {
    let metrics = full();
    let report = |engine, stats| metrics.observe(&EngineEvent::EngineStats { engine, stats: &stats });
    let inference = || value(&metrics, "verbatim_inference_seconds_total").unwrap();
    let cpu = || value(&metrics, "verbatim_process_cpu_seconds_total{process=\"engine\"}").unwrap();
    assert_eq!(inference(), 5.0);
    report(1, stats(7.0, 12));
    // A smaller value than before neither decreases the counter nor is counted twice later.
    report(1, stats(6.0, 11));
    report(1, stats(7.5, 12));
    assert_eq!((inference(), value(&metrics, "verbatim_segments_total")), (7.5, Some(12.0)));
    // Two engines run at once.
    start(&metrics, 2);
    report(2, stats(1.0, 3));
    let both = Snapshot { engines: vec![(1, process(12.0)), (2, process(3.0))], ..full_snapshot() };
    metrics.observe(&EngineEvent::Measured(&both));
    assert_eq!((inference(), cpu()), (8.5, 15.0));
    assert_eq!(value(&metrics, "verbatim_engine_resident_memory_bytes"), Some(2000.0));
    metrics.observe(&EngineEvent::EngineExited { engine: 1, how: "exit code 0", files: 1 });
    assert_eq!(value(&metrics, "verbatim_engine_resident_memory_bytes"), Some(1000.0));
    // Reports of an engine that has exited are ignored.
    report(1, stats(100.0, 100));
    assert_eq!((inference(), cpu()), (8.5, 15.0));
    // Values that are not finite are ignored.
    report(2, stats(f64::NAN, 3));
    report(2, stats(f64::INFINITY, 3));
    report(2, stats(2.0, 4));
    assert_eq!((inference(), value(&metrics, "verbatim_segments_total")), (9.5, Some(16.0)));
}

#[test]
fn engines_are_ready_until_they_are_recycled_and_each_reason_counts_once() {
    let metrics = Metrics::new();
    let ready = || value(&metrics, "verbatim_engine_ready");
    let recycles =
        |reason| value(&metrics, &format!("verbatim_engine_recycles_total{{reason=\"{reason}\"}}"));
    metrics.observe(&EngineEvent::EngineStarted { engine: 1, pid: 7 });
    assert_eq!(ready(), Some(0.0));
    start(&metrics, 1);
    assert_eq!(ready(), Some(1.0));
    let recycle =
        |reason| metrics.observe(&EngineEvent::RecycleDecided { engine: 1, reason, why: "it is too big" });
    recycle(RecycleReason::Memory);
    assert_eq!((ready(), recycles("Memory")), (Some(0.0), Some(1.0)));
    recycle(RecycleReason::Memory);
    recycle(RecycleReason::OutOfMemory);
    assert_eq!((recycles("Memory"), recycles("OutOfMemory")), (Some(1.0), Some(1.0)));
    start(&metrics, 2);
    assert_eq!(ready(), Some(1.0));
}

#[test]
fn files_in_flight_leave_with_their_engine() {
    let metrics = full();
    assert_eq!(value(&metrics, "verbatim_files_in_flight"), Some(1.0));
    metrics.observe(&EngineEvent::EngineExited { engine: 1, how: "signal 9 (SIGKILL)", files: 1 });
    assert_eq!(value(&metrics, "verbatim_files_in_flight"), Some(0.0));
    // Its growth is gone too.
    assert_eq!(value(&metrics, "verbatim_engine_memory_growth_bytes_per_hour"), None);
    // An interrupted file has no outcome.
    let failure = Failure {
        reason: FailureReason::Interrupted,
        message: "it ended".to_owned(),
        position_seconds: None,
    };
    metrics.observe(&EngineEvent::FileFailed { file: 1, name: "b", failure: &failure, attempts: 1 });
    assert_eq!(value(&metrics, "verbatim_files_total{outcome=\"failed\"}"), Some(1.0));
}

#[test]
fn no_label_contains_the_name_of_a_file() {
    for format in [Format::OpenMetrics, Format::Text] {
        let text = full().encode(format).unwrap();
        assert!(!text.contains("odd") && text.is_ascii());
    }
    assert!(full().encode(Format::OpenMetrics).unwrap().ends_with("\n# EOF\n"));
}

#[test]
fn promtool_accepts_the_metrics() {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match promtool {
        Ok(promtool) => promtool,
        Err(error) => {
            // Bypasses the test harness, which shows the output of failed tests only.
            let _ = writeln!(std::io::stderr(), "NOT DONE: promtool check metrics: promtool: {error}");
            return;
        }
    };
    promtool.stdin.take().unwrap().write_all(text(&full()).as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let messages = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && messages.is_empty(), "{}", String::from_utf8_lossy(&messages));
}
