//! Memory pressure: the action that an engine's use of host or GPU memory calls for. Takes its memory, growth
//! and two limits: above the soft one it is drained and replaced, above the hard one killed.

use verbatim_crds::quantity::Memory;

use crate::decide::Decision;
use verbatim_text::{bytes, files};

/// Share of the hard limit that files in flight may fill: 2 % remain, since their memory is an estimate and
/// is measured only now and then.
const MAX_FILLED: f64 = 0.98;

/// Share of the soft limit below which files in flight do not drain an engine. While an engine warms up,
/// memory grows fast and then stops growing: every fresh engine would be replaced.
const MIN_FILLED: f64 = 0.6;

/// Share of the soft limit from which the next engine is loaded whatever the growth: memory grows in steps.
const NEAR: f64 = 0.9;

/// Factor by which loading may be slower than last time: the old engine works beside it.
const SLOWER_LOAD: f64 = 1.5;

/// Limits of an engine's memory, in bytes; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryLimits {
    /// From here on the engine is drained and replaced.
    pub soft: Option<u64>,
    /// From here on the engine is killed. Never below the soft limit.
    pub hard: Option<u64>,
}

impl MemoryLimits {
    /// The limits for a total of `total` bytes. 0 disables a limit, as does a share of an unknown total (0).
    /// A hard limit below the soft one is raised to it.
    pub fn resolve(soft: Memory, hard: Memory, total: u64) -> Self {
        let bytes = |limit: Memory| Some(limit.of(total)).filter(|bytes| *bytes > 0);
        let soft = bytes(soft);
        // Without a soft limit the hard one stays as it is.
        Self { soft, hard: bytes(hard).map(|hard| hard.max(soft.unwrap_or(0))) }
    }
}

/// Use of host or GPU memory by an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MemoryUsage {
    /// In use now, in bytes.
    pub used: u64,
    /// Recent growth in bytes per second; 0 without growth.
    pub growth_per_second: f64,
    /// Load time of the last engine, in seconds.
    pub load_seconds: f64,
    /// Number of files in flight.
    pub in_flight: usize,
    /// Recent growth in bytes per file; 0 without growth.
    pub growth_per_file: f64,
}

/// Pressure in rising order, named by the action that it calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemoryPressure {
    /// No action.
    None,
    /// Load the next engine now, so that no audio waits for it.
    Prepare,
    /// Drain the engine: it gets no more files, and is replaced once it has finished those in flight.
    Drain,
    /// Kill the engine.
    Kill,
}

/// Pressure of an engine's memory. `name` is for the reason: `engine 3`, or `engine 3 on GPU 0`.
pub fn memory_pressure(name: &str, usage: &MemoryUsage, limits: &MemoryLimits) -> Decision<MemoryPressure> {
    let over_hard = limits.hard.filter(|hard| usage.used >= *hard).map(|hard| {
        let (used, hard) = (bytes(usage.used), bytes(hard));
        Decision::new(MemoryPressure::Kill, format!("{name} uses {used}, above the hard limit of {hard}"))
    });
    over_hard
        .or_else(|| drain(name, usage, limits))
        .or_else(|| prepare(name, usage, limits.soft?))
        .unwrap_or_else(|| Decision::new(MemoryPressure::None, format!("{name} uses {}", bytes(usage.used))))
}

/// Whether the soft limit is below the memory of an engine that is ready and has processed no file: replacing
/// engines for it would never end. `ready` is that memory, in bytes.
pub fn soft_limit_too_low(name: &str, ready: u64, limits: &MemoryLimits) -> Option<Decision<()>> {
    let soft = limits.soft.filter(|soft| ready >= *soft)?;
    let (ready, soft) = (bytes(ready), bytes(soft));
    let why = format!(
        "{name} uses {ready} before its first file, above the soft limit of {soft}: \
         replacing it does not help, raise the limit"
    );
    Some(Decision::new((), why))
}

/// Drains above the soft limit, or where files in flight would exceed the hard one. Without a soft limit, no
/// engine is drained for its memory, however near the hard limit is.
fn drain(name: &str, usage: &MemoryUsage, limits: &MemoryLimits) -> Option<Decision<MemoryPressure>> {
    let soft = limits.soft?;
    let used = usage.used as f64;
    if usage.used >= soft {
        let (used, soft) = (bytes(usage.used), bytes(soft));
        let why = format!("{name} uses {used}, above the soft limit of {soft}");
        return Some(Decision::new(MemoryPressure::Drain, why));
    }
    let hard = limits.hard?;
    let growth = positive(usage.growth_per_file);
    let ahead = used + usage.in_flight as f64 * growth;
    (ahead > hard as f64 * MAX_FILLED && used >= soft as f64 * MIN_FILLED).then(|| {
        let why = format!(
            "{name} uses {}, and {} in flight at {} each would take it to {}, with a hard limit of {}",
            bytes(usage.used),
            files(usage.in_flight),
            // The conversions saturate.
            bytes(growth as u64),
            bytes(ahead as u64),
            bytes(hard)
        );
        Decision::new(MemoryPressure::Drain, why)
    })
}

fn prepare(name: &str, usage: &MemoryUsage, soft: u64) -> Option<Decision<MemoryPressure>> {
    let used = usage.used as f64;
    let growth = positive(usage.growth_per_second);
    let load = positive(usage.load_seconds) * SLOWER_LOAD;
    let (used_text, soft_text) = (bytes(usage.used), bytes(soft));
    let why = if used >= soft as f64 * NEAR {
        format!("{name} uses {used_text}, near the soft limit of {soft_text}")
    } else if used + growth * load >= soft as f64 {
        format!(
            "{name} uses {used_text} and grows by {} per second: in the {load:.1} s that the next \
             engine takes to load, it passes the soft limit of {soft_text}",
            bytes(growth as u64)
        )
    } else {
        return None;
    };
    Some(Decision::new(MemoryPressure::Prepare, why))
}

/// The value, or 0 where it is negative or NaN.
fn positive(value: f64) -> f64 {
    value.max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MB: u64 = 1_000_000;
    const LIMITS: MemoryLimits = MemoryLimits { soft: Some(600 * MB), hard: Some(800 * MB) };

    fn usage(used: u64) -> MemoryUsage {
        MemoryUsage { used: used * MB, ..MemoryUsage::default() }
    }

    #[test]
    fn limits_resolve_from_bytes_and_percentages() {
        let (percent, off) = (Memory::Percent, Memory::Bytes(0));
        for (soft, hard, total, want) in [
            (percent(80), percent(95), 1000, (Some(800), Some(950))),
            (Memory::Bytes(700), percent(60), 1000, (Some(700), Some(700))),
            (off, percent(95), 1000, (None, Some(950))),
            (percent(80), off, 1000, (Some(800), None)),
            (off, off, 1000, (None, None)),
            (percent(80), Memory::Bytes(500), 0, (None, Some(500))),
        ] {
            let limits = MemoryLimits::resolve(soft, hard, total);
            assert_eq!((limits.soft, limits.hard), want, "{soft} {hard} {total}");
        }
    }

    #[test]
    fn disabled_limits_are_never_reached() {
        let extreme = MemoryUsage {
            used: u64::MAX,
            growth_per_second: 1e18,
            load_seconds: 1e3,
            in_flight: 99,
            growth_per_file: 1e18,
        };
        assert_eq!(memory_pressure("it", &extreme, &MemoryLimits::default()).action, MemoryPressure::None);
        let soft_off = MemoryLimits { soft: None, hard: Some(800 * MB) };
        assert_eq!(
            memory_pressure("it", &MemoryUsage { used: 799 * MB, ..extreme }, &soft_off).action,
            MemoryPressure::None
        );
        assert_eq!(memory_pressure("it", &extreme, &soft_off).action, MemoryPressure::Kill);
        let hard_off = MemoryLimits { soft: Some(600 * MB), hard: None };
        assert_eq!(memory_pressure("it", &extreme, &hard_off).action, MemoryPressure::Drain);
    }

    #[test]
    fn pressure_rises_with_the_limits_passed() {
        for (used, want) in [
            (0, MemoryPressure::None),
            (539, MemoryPressure::None),
            (540, MemoryPressure::Prepare),
            (599, MemoryPressure::Prepare),
            (600, MemoryPressure::Drain),
            (799, MemoryPressure::Drain),
            (800, MemoryPressure::Kill),
            (9000, MemoryPressure::Kill),
        ] {
            assert_eq!(memory_pressure("it", &usage(used), &LIMITS).action, want, "{used} MB");
        }
    }

    #[test]
    fn growth_is_anticipated() {
        for (used, per_second, load, want) in [
            (300, 100.0, 2.0, MemoryPressure::Prepare),
            (299, 100.0, 2.0, MemoryPressure::None),
            (300, -100.0, 2.0, MemoryPressure::None),
            (300, f64::NAN, 2.0, MemoryPressure::None),
            (0, 100.0, 4.0, MemoryPressure::Prepare),
        ] {
            let usage =
                MemoryUsage { growth_per_second: per_second * 1e6, load_seconds: load, ..usage(used) };
            assert_eq!(memory_pressure("it", &usage, &LIMITS).action, want, "{used} {per_second} {load}");
        }
        for (used, in_flight, per_file, want) in [
            (400, 4, 97.0, MemoryPressure::Drain),
            (400, 4, 96.0, MemoryPressure::None),
            (400, 3, 97.0, MemoryPressure::None),
            (359, 100, 97.0, MemoryPressure::None),
            (560, 4, 57.0, MemoryPressure::Drain),
            (560, 4, f64::NAN, MemoryPressure::Prepare),
        ] {
            let usage = MemoryUsage { in_flight, growth_per_file: per_file * 1e6, ..usage(used) };
            assert_eq!(memory_pressure("it", &usage, &LIMITS).action, want, "{used} {in_flight} {per_file}");
        }
    }

    #[test]
    fn the_reason_contains_figures() {
        let why = |usage: &MemoryUsage| memory_pressure("engine 3", usage, &LIMITS).why;
        assert_eq!(why(&usage(300)), "engine 3 uses 300 MB");
        assert_eq!(why(&usage(550)), "engine 3 uses 550 MB, near the soft limit of 600 MB");
        assert_eq!(why(&usage(612)), "engine 3 uses 612 MB, above the soft limit of 600 MB");
        assert_eq!(why(&usage(812)), "engine 3 uses 812 MB, above the hard limit of 800 MB");
        assert_eq!(
            why(&MemoryUsage { growth_per_second: 5e7, load_seconds: 4.0, ..usage(400) }),
            "engine 3 uses 400 MB and grows by 50 MB per second: in the 6.0 s that the next engine takes \
             to load, it passes the soft limit of 600 MB"
        );
        assert_eq!(
            why(&MemoryUsage { in_flight: 4, growth_per_file: 1e8, ..usage(400) }),
            "engine 3 uses 400 MB, and 4 files in flight at 100 MB each would take it to 800 MB, \
             with a hard limit of 800 MB"
        );
    }

    #[test]
    fn a_soft_limit_below_a_ready_engine_is_reported() {
        assert_eq!(soft_limit_too_low("engine 1", 599 * MB, &LIMITS), None);
        assert_eq!(soft_limit_too_low("engine 1", u64::MAX, &MemoryLimits::default()), None);
        assert!(
            soft_limit_too_low("engine 1", 700 * MB, &LIMITS)
                .unwrap()
                .why
                .contains("700 MB before its first file")
        );
    }

    proptest! {
        #[test]
        fn more_memory_never_lowers_the_pressure(
            used in 0..2000_u64, more in 0..2000_u64, in_flight in 0..20_usize,
            per_second in 0.0..1e9, per_file in 0.0..1e9, load in 0.0..20.0,
        ) {
            let of = |used| MemoryUsage {
                in_flight,
                growth_per_second: per_second,
                growth_per_file: per_file,
                load_seconds: load,
                ..usage(used)
            };
            let pressure = |used| memory_pressure("it", &of(used), &LIMITS);
            let (less, more) = (pressure(used), pressure(used + more));
            prop_assert!(less.action <= more.action, "{:?} {:?}", less, more);
        }
    }
}
