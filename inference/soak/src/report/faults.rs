//! Injected faults against what the supervisor found: it takes both and gives one row for each kind of injection. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::engines::{Condemned, EngineLog, Injection};
use verbatim_crds::contract::RecycleReason;
use verbatim_crds::contract::RecycleReason::{Crash, Growth, Memory, OutOfMemory, Protocol, Wedged};
use verbatim_supervisor::stats::quantiles;

/// Clocks of the two events may be read in either order: a fault that kills at once may be told of after its effect.
const TOLERANCE_SECONDS: f64 = 1.0;

/// What each fault must be found as.
const FOUND_AS: [(&str, &[RecycleReason]); 7] = [
    ("crash", &[Crash]),
    ("kill", &[Crash, OutOfMemory]),
    ("hang", &[Wedged]),
    ("stop", &[Wedged]),
    ("oom", &[OutOfMemory]),
    ("malformed", &[Protocol]),
    // Which one comes first depends on the limits.
    (LEAK, &[Memory, Growth, OutOfMemory]),
];

/// A fault that goes on: it comes with every file, and engines are replaced for it again and again.
const LEAK: &str = "leak";

/// All injections of one fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultRow {
    /// As `crash@17`.
    pub fault: String,
    /// Engines that it hit. A leak counts once.
    pub injected: usize,
    /// Those that were condemned for it.
    pub found: usize,
    /// Those that were lost to another fault first: this one could not show.
    pub overtaken: usize,
    /// Leaks of a single file that stayed below all limits: nothing was to be done about them.
    pub harmless: usize,
    /// Engines that were condemned after it, by reason; the wrong ones too.
    pub reasons: BTreeMap<&'static str, usize>,
    /// Whether it goes on, as a leak does.
    pub lasting: bool,
    /// Seconds until it was found: median.
    pub seconds: Option<f64>,
    /// Seconds without an engine, all together.
    pub gap_seconds: f64,
    /// Times that files were run again.
    pub run_again: usize,
    /// Why the first engine was condemned, in words and figures.
    pub why: String,
}

/// The reasons that a fault may be found as; none for a fault that nobody knows.
fn found_as(fault: &str) -> &'static [RecycleReason] {
    let kind = fault.split(['@', '=']).next().unwrap_or(fault);
    FOUND_AS.into_iter().find(|(known, _)| *known == kind).map_or(&[], |(_, reasons)| reasons)
}

/// One row for each fault, in the order in which they were injected first.
pub fn rows(log: &EngineLog) -> Vec<FaultRow> {
    let mut condemned: BTreeMap<u64, Vec<&Condemned>> = BTreeMap::new();
    for engine in &log.condemned {
        condemned.entry(engine.engine).or_default().push(engine);
    }
    let mut order: Vec<&str> = Vec::new();
    let mut by_fault: BTreeMap<&str, Vec<&Injection>> = BTreeMap::new();
    for injection in &log.injections {
        let injections = by_fault.entry(&injection.fault).or_default();
        if injections.is_empty() {
            order.push(&injection.fault);
        }
        injections.push(injection);
    }
    let of = |fault: &str| by_fault.get(fault).map_or(&[][..], Vec::as_slice);
    let lasting_leak = |fault: &str| fault.starts_with(LEAK) && !fault.contains('@');
    // A leak gets what no other fault explains, so the others come first.
    let mut explained = BTreeSet::new();
    let mut rows: BTreeMap<&str, FaultRow> = BTreeMap::new();
    for fault in order.iter().filter(|fault| !lasting_leak(fault)) {
        rows.insert(fault, single(fault, of(fault), log, &condemned, &mut explained));
    }
    for fault in order.iter().filter(|fault| lasting_leak(fault)) {
        rows.insert(fault, lasting(fault, of(fault), &log.condemned, &explained));
    }
    order.into_iter().filter_map(|fault| rows.remove(fault)).collect()
}

/// A fault that hits one engine at a time.
fn single(
    fault: &str,
    injections: &[&Injection],
    log: &EngineLog,
    condemned: &BTreeMap<u64, Vec<&Condemned>>,
    explained: &mut BTreeSet<(u64, RecycleReason)>,
) -> FaultRow {
    let expected = found_as(fault);
    let mut row = FaultRow { fault: fault.to_owned(), injected: injections.len(), ..FaultRow::default() };
    let mut seconds = Vec::new();
    for injection in injections {
        let after = |engine: &&&Condemned| engine.at >= injection.at - TOLERANCE_SECONDS;
        let all = condemned.get(&injection.engine).map_or(&[][..], Vec::as_slice);
        // An engine that was draining already may be condemned a second time, for the fault.
        let right = all.iter().filter(after).find(|engine| expected.contains(&engine.reason));
        let wrong = all.iter().find(after);
        if right.is_none() && fault.starts_with(LEAK) {
            row.harmless += 1;
            continue;
        }
        if right.is_none()
            && wrong.is_some_and(|engine| is_anothers(fault, injection.engine, engine.reason, log))
        {
            row.overtaken += 1;
            continue;
        }
        if let Some(engine) = right.or(wrong) {
            row.add(engine);
            if right.is_some() {
                row.found += 1;
                explained.insert((engine.engine, engine.reason));
                seconds.push((engine.at - injection.at).max(0.0));
            }
        }
    }
    row.seconds = quantiles(&mut seconds, [0.5]).map(|[median]| median);
    row
}

/// Whether another fault that hit the same engine explains why it was condemned.
fn is_anothers(fault: &str, engine: u64, reason: RecycleReason, log: &EngineLog) -> bool {
    let explains = |other: &&Injection| {
        other.engine == engine && other.fault != fault && found_as(&other.fault).contains(&reason)
    };
    log.injections.iter().any(|other| explains(&other))
}

/// A leak: found once it was found at all; it costs whatever engines were replaced for it.
fn lasting(
    fault: &str,
    injections: &[&Injection],
    condemned: &[Condemned],
    explained: &BTreeSet<(u64, RecycleReason)>,
) -> FaultRow {
    let mut row = FaultRow { fault: fault.to_owned(), injected: 1, lasting: true, ..FaultRow::default() };
    let since = injections.first().map_or(0.0, |injection| injection.at);
    let expected = found_as(fault);
    let fits = |engine: &&Condemned| {
        engine.at >= since
            && expected.contains(&engine.reason)
            && !explained.contains(&(engine.engine, engine.reason))
    };
    for engine in condemned.iter().filter(fits) {
        row.found = 1;
        row.seconds.get_or_insert(engine.at - since);
        row.add(engine);
    }
    row
}

impl FaultRow {
    fn add(&mut self, engine: &Condemned) {
        *self.reasons.entry(engine.reason.as_str()).or_default() += 1;
        self.gap_seconds += engine.gap_seconds.unwrap_or_default();
        self.run_again += engine.run_again;
        if self.why.is_empty() {
            self.why.clone_from(&engine.why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condemned(engine: u64, at: f64, reason: RecycleReason) -> Condemned {
        let why = format!("engine {engine}");
        Condemned { engine, at, reason, why, orderly: false, gap_seconds: Some(0.5), run_again: 2 }
    }

    fn log(faults: &[(&str, u64, f64)], condemned: Vec<Condemned>) -> EngineLog {
        let injections = faults
            .iter()
            .map(|(fault, engine, at)| Injection { fault: (*fault).to_owned(), engine: *engine, at: *at })
            .collect();
        let mut log = EngineLog::default();
        (log.injections, log.condemned) = (injections, condemned);
        log
    }

    #[test]
    fn each_fault_is_found_as_what_it_is() {
        for (fault, reason, found) in [
            ("crash@17", Crash, true),
            ("crash=bad.wav", Crash, true),
            ("kill@5", Crash, true),
            ("kill@5", OutOfMemory, true),
            ("hang@23", Wedged, true),
            ("stop@6", Wedged, true),
            ("oom@31", OutOfMemory, true),
            ("malformed@40", Protocol, true),
            ("leak=20MB/file", Memory, true),
            ("leak=20MB/file", Growth, true),
            ("leak=20MB/file", RecycleReason::MaxFiles, false),
            ("hang@23", Crash, false),
            ("new@1", Crash, false),
        ] {
            let rows = rows(&log(&[(fault, 1, 10.0)], vec![condemned(1, 12.0, reason)]));
            assert_eq!(rows[0].found, usize::from(found), "{fault} as {reason:?}");
            assert_eq!(rows[0].seconds, found.then_some(2.0));
        }
    }

    #[test]
    fn only_the_engine_that_was_hit_counts_and_only_afterwards() {
        let events = vec![condemned(1, 4.0, Crash), condemned(2, 20.0, Crash)];
        let rows = rows(&log(&[("crash@5", 1, 10.0), ("crash@9", 2, 20.5)], events));
        assert_eq!((rows[0].injected, rows[0].found, rows[0].reasons.len()), (1, 0, 0));
        assert_eq!((rows[1].found, rows[1].seconds, rows[1].run_again), (1, Some(0.0), 2));
    }

    #[test]
    fn a_draining_engine_is_condemned_for_the_fault_too() {
        let events = vec![condemned(1, 10.0, RecycleReason::MaxFiles), condemned(1, 15.0, Wedged)];
        let rows = rows(&log(&[("hang@5", 1, 9.0)], events));
        assert_eq!((rows[0].found, rows[0].seconds), (1, Some(6.0)));
    }

    #[test]
    fn a_fault_of_one_recording_is_one_row() {
        let events = vec![condemned(1, 11.0, Crash), condemned(2, 24.0, Crash)];
        let rows = rows(&log(&[("crash=bad.wav", 1, 10.0), ("crash=bad.wav", 2, 20.0)], events));
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].injected, rows[0].found, rows[0].seconds), (2, 2, Some(2.5)));
        assert_eq!((rows[0].gap_seconds, rows[0].run_again), (1.0, 4));
    }

    #[test]
    fn a_leak_costs_every_engine_that_it_took() {
        let events = vec![
            condemned(1, 50.0, Memory),
            condemned(2, 60.0, Crash),
            condemned(3, 90.0, Memory),
            condemned(4, 95.0, OutOfMemory),
        ];
        let rows = rows(&log(&[("leak=20MB/file", 1, 1.0), ("oom@7", 4, 94.0)], events));
        assert_eq!((rows[1].found, rows[1].reasons.len()), (1, 1), "the other fault explains the last one");
        assert_eq!(rows[0].reasons, BTreeMap::from([("Memory", 2)]));
        assert_eq!((rows[0].injected, rows[0].found, rows[0].seconds), (1, 1, Some(49.0)));
    }
}
