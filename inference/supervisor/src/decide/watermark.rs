//! What to do about the memory that an engine uses, the host's or a GPU's. Takes what it uses, how that grows, and two
//! limits: at the soft one it is replaced in order, at the hard one it is killed. Gives how pressing it is.

use verbatim_crds::quantity::Memory;

use super::Decision;
use verbatim_text::{bytes, files};

/// Share of the hard limit that files in flight may fill up: 2 % are left, since what they will take is an estimate and
/// memory is looked at only now and then.
const FILLED: f64 = 0.98;

/// Share of the soft limit below which files in flight do not condemn an engine. What they take is seen best while an
/// engine warms up, when memory grows and does not go on growing: a fresh engine would be replaced for ever.
const FRESH: f64 = 0.6;

/// Share of the soft limit from which the next engine is loaded whatever the growth: growth comes in steps.
const NEAR: f64 = 0.9;

/// How many times as long as it last took may loading take: the old engine works beside it.
const SLOWER_LOAD: f64 = 1.5;

/// Limits for an engine's memory, in bytes; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// It is replaced from here on; its files in flight finish.
    pub soft: Option<u64>,
    /// It is killed from here on. Never below the soft limit.
    pub hard: Option<u64>,
}

impl Watermarks {
    /// The limits where there are `total` bytes. 0 switches a limit off, as does a share of a total that is not known
    /// (0). A hard limit below the soft one is raised to it.
    pub fn resolve(soft: Memory, hard: Memory, total: u64) -> Self {
        let bytes = |limit: Memory| Some(limit.of(total)).filter(|bytes| *bytes > 0);
        let soft = bytes(soft);
        // None is less than any limit: without a soft limit the hard one stays as it is.
        Self { soft, hard: bytes(hard).map(|hard| hard.max(soft.unwrap_or(0))) }
    }
}

/// What an engine uses of a memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// In use now, in bytes.
    pub used: u64,
    /// Growth of late, in bytes a second; 0 where there is none.
    pub growth_per_second: f64,
    /// Time that the last engine took to load, in seconds.
    pub load_seconds: f64,
    /// Files in flight.
    pub in_flight: usize,
    /// Growth of late, in bytes for each file; 0 where there is none.
    pub growth_per_file: f64,
}

/// How pressing it is, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// Nothing to do.
    Fine,
    /// The next engine is to be loaded now, so that no audio waits for it.
    Prepare,
    /// The engine gets no more files, and is replaced when it has done those that it has.
    Drain,
    /// The engine is killed.
    Kill,
}

/// How pressing the memory of `what` is: an engine, and the memory unless it is the host's, as `engine 3` or
/// `engine 3 on GPU 0`.
pub fn pressure(what: &str, usage: &Usage, limits: &Watermarks) -> Decision<Pressure> {
    let over_hard = limits.hard.filter(|hard| usage.used >= *hard).map(|hard| {
        let (used, hard) = (bytes(usage.used), bytes(hard));
        Decision::new(Pressure::Kill, format!("{what} uses {used}, above the hard limit of {hard}"))
    });
    over_hard
        .or_else(|| drain(what, usage, limits))
        .or_else(|| prepare(what, usage, limits.soft?))
        .unwrap_or_else(|| Decision::new(Pressure::Fine, format!("{what} uses {}", bytes(usage.used))))
}

/// Whether the soft limit is below what an engine uses when it is ready, with no file done: to replace it cannot help then,
/// and would go on for ever. `ready` is what it used when it was ready, in bytes.
pub fn too_low(what: &str, ready: u64, limits: &Watermarks) -> Option<Decision<()>> {
    let soft = limits.soft.filter(|soft| ready >= *soft)?;
    let (ready, soft) = (bytes(ready), bytes(soft));
    let why = format!(
        "{what} uses {ready} before its first file, above the soft limit of {soft}: to replace it cannot help, raise the limit"
    );
    Some(Decision::new((), why))
}

/// Without a soft limit nothing is replaced for its memory, however near the hard limit is.
fn drain(what: &str, usage: &Usage, limits: &Watermarks) -> Option<Decision<Pressure>> {
    let soft = limits.soft?;
    let used = usage.used as f64;
    if usage.used >= soft {
        let (used, soft) = (bytes(usage.used), bytes(soft));
        let why = format!("{what} uses {used}, above the soft limit of {soft}");
        return Some(Decision::new(Pressure::Drain, why));
    }
    let hard = limits.hard?;
    let growth = positive(usage.growth_per_file);
    let ahead = used + usage.in_flight as f64 * growth;
    (ahead > hard as f64 * FILLED && used >= soft as f64 * FRESH).then(|| {
        let why = format!(
            "{what} uses {}, and {} in flight at {} each would take it to {}, the hard limit being {}",
            bytes(usage.used),
            files(usage.in_flight),
            // The conversions saturate.
            bytes(growth as u64),
            bytes(ahead as u64),
            bytes(hard)
        );
        Decision::new(Pressure::Drain, why)
    })
}

fn prepare(what: &str, usage: &Usage, soft: u64) -> Option<Decision<Pressure>> {
    let used = usage.used as f64;
    let growth = positive(usage.growth_per_second);
    let load = positive(usage.load_seconds) * SLOWER_LOAD;
    let (used_words, soft_words) = (bytes(usage.used), bytes(soft));
    let why = if used >= soft as f64 * NEAR {
        format!("{what} uses {used_words}, near the soft limit of {soft_words}")
    } else if used + growth * load >= soft as f64 {
        format!(
            "{what} uses {used_words} and grows by {} a second: in the {load:.1} s in which the next engine loads, \
             it passes the soft limit of {soft_words}",
            bytes(growth as u64)
        )
    } else {
        return None;
    };
    Some(Decision::new(Pressure::Prepare, why))
}

/// Nothing where it is less, or not a number.
fn positive(value: f64) -> f64 {
    value.max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MB: u64 = 1_000_000;
    const LIMITS: Watermarks = Watermarks { soft: Some(600 * MB), hard: Some(800 * MB) };

    fn usage(used: u64) -> Usage {
        Usage { used: used * MB, ..Usage::default() }
    }

    #[test]
    fn limits_are_made_from_what_people_write() {
        let (percent, off) = (Memory::Percent, Memory::Bytes(0));
        for (soft, hard, total, want) in [
            (percent(80), percent(95), 1000, (Some(800), Some(950))),
            (Memory::Bytes(700), percent(60), 1000, (Some(700), Some(700))),
            (off, percent(95), 1000, (None, Some(950))),
            (percent(80), off, 1000, (Some(800), None)),
            (off, off, 1000, (None, None)),
            (percent(80), Memory::Bytes(500), 0, (None, Some(500))),
        ] {
            let limits = Watermarks::resolve(soft, hard, total);
            assert_eq!((limits.soft, limits.hard), want, "{soft} {hard} {total}");
        }
    }

    #[test]
    fn limits_that_are_off_are_never_reached() {
        let wild = Usage {
            used: u64::MAX,
            growth_per_second: 1e18,
            load_seconds: 1e3,
            in_flight: 99,
            growth_per_file: 1e18,
        };
        assert_eq!(pressure("it", &wild, &Watermarks::default()).action, Pressure::Fine);
        let soft_off = Watermarks { soft: None, hard: Some(800 * MB) };
        assert_eq!(pressure("it", &Usage { used: 799 * MB, ..wild }, &soft_off).action, Pressure::Fine);
        assert_eq!(pressure("it", &wild, &soft_off).action, Pressure::Kill);
        let hard_off = Watermarks { soft: Some(600 * MB), hard: None };
        assert_eq!(pressure("it", &wild, &hard_off).action, Pressure::Drain);
    }

    #[test]
    fn memory_that_passes_limits_presses_in_order() {
        for (used, want) in [
            (0, Pressure::Fine),
            (539, Pressure::Fine),
            (540, Pressure::Prepare),
            (599, Pressure::Prepare),
            (600, Pressure::Drain),
            (799, Pressure::Drain),
            (800, Pressure::Kill),
            (9000, Pressure::Kill),
        ] {
            assert_eq!(pressure("it", &usage(used), &LIMITS).action, want, "{used} MB");
        }
    }

    #[test]
    fn growth_is_seen_ahead() {
        for (used, per_second, load, want) in [
            (300, 100.0, 2.0, Pressure::Prepare),
            (299, 100.0, 2.0, Pressure::Fine),
            (300, -100.0, 2.0, Pressure::Fine),
            (300, f64::NAN, 2.0, Pressure::Fine),
            (0, 100.0, 4.0, Pressure::Prepare),
        ] {
            let usage = Usage { growth_per_second: per_second * 1e6, load_seconds: load, ..usage(used) };
            assert_eq!(pressure("it", &usage, &LIMITS).action, want, "{used} {per_second} {load}");
        }
        for (used, in_flight, per_file, want) in [
            (400, 4, 97.0, Pressure::Drain),
            (400, 4, 96.0, Pressure::Fine),
            (400, 3, 97.0, Pressure::Fine),
            (359, 100, 97.0, Pressure::Fine),
            (560, 4, 57.0, Pressure::Drain),
            (560, 4, f64::NAN, Pressure::Prepare),
        ] {
            let usage = Usage { in_flight, growth_per_file: per_file * 1e6, ..usage(used) };
            assert_eq!(pressure("it", &usage, &LIMITS).action, want, "{used} {in_flight} {per_file}");
        }
    }

    #[test]
    fn the_reason_has_figures() {
        let why = |usage: &Usage| pressure("engine 3", usage, &LIMITS).why;
        assert_eq!(why(&usage(300)), "engine 3 uses 300 MB");
        assert_eq!(why(&usage(550)), "engine 3 uses 550 MB, near the soft limit of 600 MB");
        assert_eq!(why(&usage(612)), "engine 3 uses 612 MB, above the soft limit of 600 MB");
        assert_eq!(why(&usage(812)), "engine 3 uses 812 MB, above the hard limit of 800 MB");
        assert_eq!(
            why(&Usage { growth_per_second: 5e7, load_seconds: 4.0, ..usage(400) }),
            "engine 3 uses 400 MB and grows by 50 MB a second: in the 6.0 s in which the next engine loads, it passes \
             the soft limit of 600 MB"
        );
        assert_eq!(
            why(&Usage { in_flight: 4, growth_per_file: 1e8, ..usage(400) }),
            "engine 3 uses 400 MB, and 4 files in flight at 100 MB each would take it to 800 MB, the hard limit being 800 MB"
        );
    }

    #[test]
    fn a_limit_below_a_ready_engine_is_said() {
        assert_eq!(too_low("engine 1", 599 * MB, &LIMITS), None);
        assert_eq!(too_low("engine 1", u64::MAX, &Watermarks::default()), None);
        assert!(too_low("engine 1", 700 * MB, &LIMITS).unwrap().why.contains("700 MB before its first file"));
    }

    proptest! {
        #[test]
        fn more_memory_never_presses_less(
            used in 0..2000_u64, more in 0..2000_u64, in_flight in 0..20_usize,
            per_second in 0.0..1e9, per_file in 0.0..1e9, load in 0.0..20.0,
        ) {
            let of = |used| Usage {
                in_flight, growth_per_second: per_second, growth_per_file: per_file, load_seconds: load, ..usage(used)
            };
            let (less, more) = (pressure("it", &of(used), &LIMITS), pressure("it", &of(used + more), &LIMITS));
            prop_assert!(less.action <= more.action, "{:?} {:?}", less, more);
        }
    }
}
