//! Tests of growth: leaks are detected, fluctuation is not.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

const MB: f64 = 1e6;
const LIMIT: u64 = 200_000_000;

/// Monitor of an engine that is sampled each second, processes a file of 100 s of audio in 2 s, leaks, and
/// fluctuates by up to `noise` bytes.
fn sampled(seconds: usize, leak_per_hour: f64, noise: f64, seed: u64) -> GrowthMonitor {
    let mut random = StdRng::seed_from_u64(seed);
    let mut monitor = GrowthMonitor::new();
    for second in 0..seconds {
        let at = second as f64;
        let warming = 200.0 * MB * (1.0 - (-at / 5.0).exp());
        let resident = 300.0 * MB + warming + leak_per_hour * at / HOUR + noise * random.random::<f64>();
        monitor.push(at, at * 50.0, second as u64 / 2, resident as u64);
    }
    monitor
}

#[test]
fn a_leak_is_detected_and_measured() {
    let estimate = sampled(1800, 400.0 * MB, 20.0 * MB, 1).estimate().unwrap();
    assert!((estimate.per_hour.estimate / (400.0 * MB) - 1.0).abs() < 0.05, "{estimate:?}");
    // An hour processes 50 hours of audio.
    assert!((estimate.per_audio_hour.unwrap().estimate / (8.0 * MB) - 1.0).abs() < 0.05, "{estimate:?}");
    let why = growth_exceeded(&estimate, LIMIT).unwrap().why;
    assert!(why.starts_with("memory grows by ") && why.ends_with("above the limit of 200 MB"), "{why}");
    assert_eq!(growth_exceeded(&estimate, 500_000_000), None);
    assert_eq!(growth_exceeded(&estimate, 0), None);
}

#[test]
fn an_engine_without_a_leak_is_never_replaced() {
    for seed in 0..20 {
        for seconds in (60..2000).step_by(97) {
            let monitor = sampled(seconds, 0.0, 100.0 * MB, seed);
            assert!(!is_replaced(&monitor), "seed {seed}, {seconds} s");
        }
    }
}

fn is_replaced(monitor: &GrowthMonitor) -> bool {
    monitor.estimate().is_some_and(|estimate| growth_exceeded(&estimate, LIMIT).is_some())
}

/// Monitor of an engine whose memory stays at a random level for `hold` seconds each, as batches make it, and
/// leaks.
fn stepped(seconds: usize, hold: usize, leak_per_hour: f64, seed: u64) -> GrowthMonitor {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut monitor, mut level) = (GrowthMonitor::new(), 0.0);
    for second in 0..seconds {
        if second % hold == 0 {
            level = 100.0 * MB * random.random::<f64>();
        }
        let at = second as f64;
        monitor.push(at, 1e6, 100, (500.0 * MB + level + leak_per_hour * at / HOUR) as u64);
    }
    monitor
}

#[test]
fn levels_of_memory_are_no_leak() {
    for hold in [2, 5, 10, 30, 60, 200] {
        let replaced = |seed: &u64| {
            (40..2000).step_by(97).any(|seconds| is_replaced(&stepped(seconds, hold, 0.0, *seed)))
        };
        let seeds: Vec<u64> = (0..40).filter(replaced).collect();
        assert!(seeds.len() <= 1, "{hold} s: {seeds:?} of 40");
    }
}

#[test]
fn a_leak_is_detected_through_levels_of_memory() {
    for (hold, leak, seconds) in
        [(2, 2000.0, 300), (10, 2000.0, 300), (30, 2000.0, 600), (30, 600.0, 1200), (30, 300.0, 3600)]
    {
        let missed: Vec<u64> =
            (0..20).filter(|&seed| !is_replaced(&stepped(seconds, hold, leak * MB, seed))).collect();
        assert!(missed.is_empty(), "{leak} MB per hour, {seconds} s: {missed:?} of 20");
    }
}

/// As in a short soak: a leak of 2 MB per file, and 3 s per file.
#[test]
fn a_leak_in_steps_is_detected_within_minutes() {
    let mut monitor = GrowthMonitor::new();
    let mut detected = None;
    for second in 0..600_u32 {
        let file = f64::from(second / 3);
        let batch = f64::from(second * 7919 % 31);
        monitor.push(
            f64::from(second),
            file * 100.0,
            u64::from(second / 3),
            ((500.0 + 2.0 * file + batch) * MB) as u64,
        );
        if detected.is_none() && is_replaced(&monitor) {
            detected = Some(second);
        }
    }
    // 20 files take 60 s, and 30 samples 30 s.
    assert!((90..180).contains(&detected.unwrap()), "{detected:?}");
}

#[test]
fn a_leak_below_the_limit_is_tolerated() {
    for seed in 0..20 {
        let estimate = sampled(3600, 150.0 * MB, 20.0 * MB, seed).estimate().unwrap();
        assert_eq!(growth_exceeded(&estimate, LIMIT), None, "{estimate:?}");
    }
}

#[test]
fn every_condition_is_required() {
    // The lower end is 5e8 bytes per hour, which makes 16 MiB in 120.8 s.
    let slope = Slope { estimate: 7e8, low: 6e8, high: 8e8 };
    let low = |low| Slope { low, ..slope };
    let sure = GrowthEstimate { per_hour: slope, per_audio_hour: None, span_seconds: 121.0, samples: 30 };
    assert!(growth_exceeded(&sure, LIMIT).is_some() && growth_exceeded(&sure, 499_999_999).is_some());
    assert_eq!(growth_exceeded(&sure, 500_000_001), None);
    for unsure in [
        GrowthEstimate { per_hour: low(4e8), ..sure },
        GrowthEstimate { per_hour: low(-5e8), ..sure },
        GrowthEstimate { per_hour: low(f64::NAN), ..sure },
        GrowthEstimate { span_seconds: 120.0, ..sure },
        GrowthEstimate { samples: 29, ..sure },
    ] {
        assert_eq!(growth_exceeded(&unsure, LIMIT), None, "{unsure:?}");
    }
}

#[test]
fn the_warm_up_needs_both_files_and_audio() {
    for (files, audio, kept) in [(19, 1e6, 0), (1_000_000, 599.0, 0), (20, 600.0, 1)] {
        let mut monitor = GrowthMonitor::new();
        monitor.push(0.0, audio, files, 1);
        assert_eq!(monitor.samples.len(), kept, "{files} files, {audio} s");
    }
    assert_eq!(GrowthMonitor::new().estimate(), None);
}

#[test]
fn samples_are_bounded_and_evenly_spread() {
    let mut monitor = GrowthMonitor::new();
    for second in 0..100_000_u32 {
        monitor.push(f64::from(second), 1e6, 100, 1);
        assert!(monitor.samples.len() <= MAX_SAMPLES);
    }
    let seconds: Vec<f64> = monitor.samples.iter().map(|sample| sample.seconds).collect();
    assert!(seconds.len() >= MAX_SAMPLES / 2);
    assert_eq!(seconds[0], 0.0);
    let spacing = monitor.stride as f64;
    assert!(seconds.windows(2).all(|pair| pair[1] - pair[0] == spacing), "{spacing}: {seconds:?}");
    assert!(100_000.0 - seconds[seconds.len() - 1] <= spacing);
}
