//! Injected faults against the engine replacements that they caused: one row per fault. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::engine_history::{EngineHistory, FaultInjection, Replacement};
use verbatim_crds::contract::RecycleReason;
use verbatim_crds::contract::RecycleReason::{Crash, Growth, Memory, OutOfMemory, Protocol, Wedged};
use verbatim_supervisor::stats::quantiles;

/// Tolerated error in the order of two events: the record of a fault that kills at once may follow that of
/// its effect.
const TOLERANCE_SECONDS: f64 = 1.0;

/// Reasons that detect each kind of fault.
const EXPECTED_REASONS: [(&str, &[RecycleReason]); 7] = [
    ("crash", &[Crash]),
    ("kill", &[Crash, OutOfMemory]),
    ("hang", &[Wedged]),
    ("stop", &[Wedged]),
    ("oom", &[OutOfMemory]),
    ("malformed", &[Protocol]),
    // The limits decide which of them comes first.
    (LEAK, &[Memory, Growth, OutOfMemory]),
];

/// Kind of fault that, injected with every file, has engines replaced again and again.
const LEAK: &str = "leak";

/// Detection of all injections of one fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FaultRow {
    /// Name, such as `crash@17`.
    pub(crate) fault: String,
    /// Engines hit. A leak of every file counts once.
    pub(crate) injected: usize,
    /// Injections whose engine was replaced for an expected reason.
    pub(crate) detected: usize,
    /// Injections without effect because another fault ended the engine first.
    pub(crate) masked: usize,
    /// Leaks of a single file that stayed below all limits, so that no action was due.
    pub(crate) harmless: usize,
    /// Replacements after an injection by reason, unexpected reasons included.
    pub(crate) reasons: BTreeMap<&'static str, usize>,
    /// Whether the fault comes with every file.
    pub(crate) every_file: bool,
    /// Time to detection: median.
    pub(crate) seconds: Option<f64>,
    /// Total time without an engine.
    pub(crate) gap_seconds: f64,
    /// Reruns of files.
    pub(crate) reruns: usize,
    /// Explanation of the first replacement, with numbers.
    pub(crate) why: String,
}

/// Reasons that detect a fault; none for an unknown fault.
fn expected_reasons(fault: &str) -> &'static [RecycleReason] {
    let kind = fault.split(['@', '=']).next().unwrap_or(fault);
    EXPECTED_REASONS.into_iter().find(|(known, _)| *known == kind).map_or(&[], |(_, reasons)| reasons)
}

/// Replacements that a fault of a single file explains.
type Explained = BTreeSet<(u64, RecycleReason)>;

/// One row per fault, in the order of first injection.
pub(crate) fn rows(history: &EngineHistory) -> Vec<FaultRow> {
    let mut replacements: BTreeMap<u64, Vec<&Replacement>> = BTreeMap::new();
    for replacement in &history.replacements {
        replacements.entry(replacement.engine).or_default().push(replacement);
    }
    let mut order: Vec<&str> = Vec::new();
    let mut injections: BTreeMap<&str, Vec<&FaultInjection>> = BTreeMap::new();
    for injection in &history.faults {
        let of_fault = injections.entry(&injection.fault).or_default();
        if of_fault.is_empty() {
            order.push(&injection.fault);
        }
        of_fault.push(injection);
    }
    // Faults of single files first: what they do not explain is attributed to the leaks of every file.
    let (leaks, single): (Vec<&str>, Vec<&str>) =
        order.iter().partition(|fault| fault.starts_with(LEAK) && !fault.contains('@'));
    let mut explained = Explained::new();
    let mut rows: BTreeMap<&str, FaultRow> = BTreeMap::new();
    for fault in single {
        rows.insert(fault, single_row(fault, &injections[fault], history, &replacements, &mut explained));
    }
    for fault in leaks {
        rows.insert(fault, leak_row(fault, injections[fault][0].at, &history.replacements, &explained));
    }
    order.into_iter().filter_map(|fault| rows.remove(fault)).collect()
}

/// Row of a fault that hits one engine at a time.
fn single_row(
    fault: &str,
    injections: &[&FaultInjection],
    history: &EngineHistory,
    replacements: &BTreeMap<u64, Vec<&Replacement>>,
    explained: &mut Explained,
) -> FaultRow {
    let expected = expected_reasons(fault);
    let mut row = FaultRow { fault: fault.to_owned(), injected: injections.len(), ..FaultRow::default() };
    let mut seconds = Vec::new();
    for injection in injections {
        let of_engine = replacements.get(&injection.engine).map_or(&[][..], Vec::as_slice);
        let mut after =
            of_engine.iter().filter(|replacement| replacement.at >= injection.at - TOLERANCE_SECONDS);
        // A draining engine may be replaced a second time, for the fault.
        let detection = after.clone().find(|replacement| expected.contains(&replacement.reason));
        let first = after.next();
        if let Some(replacement) = detection {
            row.detected += 1;
            explained.insert((replacement.engine, replacement.reason));
            seconds.push((replacement.at - injection.at).max(0.0));
            row.add(replacement);
        } else if fault.starts_with(LEAK) {
            row.harmless += 1;
        } else if first.is_some_and(|replacement| is_masked(injection, replacement.reason, history)) {
            row.masked += 1;
        } else if let Some(replacement) = first {
            row.add(replacement);
        }
    }
    row.seconds = quantiles(&mut seconds, [0.5]).map(|[median]| median);
    row
}

/// Whether another fault that hit the same engine explains its replacement.
fn is_masked(injection: &FaultInjection, reason: RecycleReason, history: &EngineHistory) -> bool {
    history.faults.iter().any(|other| {
        other.engine == injection.engine
            && other.fault != injection.fault
            && expected_reasons(&other.fault).contains(&reason)
    })
}

/// Row of a leak of every file, since `since`: detected with the first replacement; its cost is that of all
/// of them.
fn leak_row(fault: &str, since: f64, replacements: &[Replacement], explained: &Explained) -> FaultRow {
    let mut row = FaultRow { fault: fault.to_owned(), injected: 1, every_file: true, ..FaultRow::default() };
    let expected = expected_reasons(fault);
    let is_due_to_leak = |replacement: &&Replacement| {
        replacement.at >= since
            && expected.contains(&replacement.reason)
            && !explained.contains(&(replacement.engine, replacement.reason))
    };
    for replacement in replacements.iter().filter(is_due_to_leak) {
        row.detected = 1;
        row.seconds.get_or_insert(replacement.at - since);
        row.add(replacement);
    }
    row
}

impl FaultRow {
    fn add(&mut self, replacement: &Replacement) {
        *self.reasons.entry(replacement.reason.as_str()).or_default() += 1;
        self.gap_seconds += replacement.gap_seconds.unwrap_or_default();
        self.reruns += replacement.reruns;
        if self.why.is_empty() {
            self.why.clone_from(&replacement.why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(engine: u64, at: f64, reason: RecycleReason) -> Replacement {
        let why = format!("engine {engine}");
        Replacement { engine, at, reason, why, orderly: false, gap_seconds: Some(0.5), reruns: 2 }
    }

    fn history(faults: &[(&str, u64, f64)], replacements: Vec<Replacement>) -> EngineHistory {
        let injected = |(fault, engine, at): &(&str, u64, f64)| FaultInjection {
            fault: (*fault).to_owned(),
            engine: *engine,
            at: *at,
        };
        let faults = faults.iter().map(injected).collect();
        let mut history = EngineHistory::default();
        history.faults = faults;
        history.replacements = replacements;
        history
    }

    #[test]
    fn faults_are_detected_by_their_reasons() {
        for (fault, reason, detected) in [
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
            let rows = rows(&history(&[(fault, 1, 10.0)], vec![replaced(1, 12.0, reason)]));
            assert_eq!(rows[0].detected, usize::from(detected), "{fault} as {reason:?}");
            assert_eq!(rows[0].seconds, detected.then_some(2.0));
        }
    }

    #[test]
    fn only_later_replacements_of_the_engine_hit_count() {
        let events = vec![replaced(1, 4.0, Crash), replaced(2, 20.0, Crash)];
        let rows = rows(&history(&[("crash@5", 1, 10.0), ("crash@9", 2, 20.5)], events));
        assert_eq!((rows[0].injected, rows[0].detected, rows[0].reasons.len()), (1, 0, 0));
        assert_eq!((rows[1].detected, rows[1].seconds, rows[1].reruns), (1, Some(0.0), 2));
    }

    #[test]
    fn fault_in_a_draining_engine_is_detected() {
        let events = vec![replaced(1, 10.0, RecycleReason::MaxFiles), replaced(1, 15.0, Wedged)];
        let rows = rows(&history(&[("hang@5", 1, 9.0)], events));
        assert_eq!((rows[0].detected, rows[0].seconds), (1, Some(6.0)));
    }

    #[test]
    fn repeated_fault_of_one_recording_is_one_row() {
        let events = vec![replaced(1, 11.0, Crash), replaced(2, 24.0, Crash)];
        let rows = rows(&history(&[("crash=bad.wav", 1, 10.0), ("crash=bad.wav", 2, 20.0)], events));
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].injected, rows[0].detected, rows[0].seconds), (2, 2, Some(2.5)));
        assert_eq!((rows[0].gap_seconds, rows[0].reruns), (1.0, 4));
    }

    #[test]
    fn leak_is_charged_for_every_unexplained_replacement() {
        let events = vec![
            replaced(1, 50.0, Memory),
            replaced(2, 60.0, Crash),
            replaced(3, 90.0, Memory),
            replaced(4, 95.0, OutOfMemory),
        ];
        let rows = rows(&history(&[("leak=20MB/file", 1, 1.0), ("oom@7", 4, 94.0)], events));
        assert_eq!(
            (rows[1].detected, rows[1].reasons.len()),
            (1, 1),
            "the other fault explains the last replacement"
        );
        assert_eq!(rows[0].reasons, BTreeMap::from([("Memory", 2)]));
        assert_eq!((rows[0].injected, rows[0].detected, rows[0].seconds), (1, 1, Some(49.0)));
    }
}
