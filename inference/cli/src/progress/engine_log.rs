//! Log of engine events, and the engine statistics of a run's summary.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::console::Console;
use verbatim_crds::contract::RecycleReason;
use verbatim_supervisor::engine_event::{EngineEvent, Observer};
use verbatim_text::count;

/// Statistics of a run's engines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineStats {
    /// Resident memory of the live engines, in bytes; none before the first measurement.
    pub resident: Option<u64>,
    /// Peak resident memory of one engine, in bytes.
    pub peak: Option<u64>,
    /// Number of replaced engines by reason.
    pub replaced: BTreeMap<RecycleReason, usize>,
}

impl EngineStats {
    /// Description of the replaced engines; none if there are none.
    pub fn replaced(&self) -> Option<String> {
        let reasons: Vec<String> =
            self.replaced.iter().map(|(reason, count)| format!("{} {count}", reason.as_str())).collect();
        let all: usize = self.replaced.values().sum();
        (all > 0).then(|| format!("{} ({})", count(all, "engine", "engines"), reasons.join(", ")))
    }
}

/// Observer that logs engine events and keeps statistics.
#[derive(Debug)]
pub struct EngineLog {
    console: Console,
    stats: Mutex<EngineStats>,
}

impl EngineLog {
    /// Without any events yet.
    pub fn new(console: &Console) -> Self {
        Self { console: console.clone(), stats: Mutex::default() }
    }

    /// Statistics so far.
    pub fn stats(&self) -> EngineStats {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, EngineStats> {
        // Plain numbers: they are valid even if a thread has panicked while it held the lock.
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, event: &EngineEvent<'_>) {
        match event {
            EngineEvent::EngineReady { engine, load, sandbox, .. } => {
                tracing::info!(
                    engine,
                    load_seconds = load.as_secs_f64(),
                    sandbox = sandbox.join("; "),
                    "engine ready"
                );
            }
            EngineEvent::RecycleDecided { engine, reason, why } if self.console.is_json() => {
                tracing::warn!(engine, reason = reason.as_str(), why, "engine replaced");
            }
            EngineEvent::RecycleDecided { reason, why, .. } => {
                self.console.line(&format!("ENGINE replaced ({}): {why}", reason.as_str()));
            }
            EngineEvent::BudgetChanged { max_padded_seconds, why } if self.console.is_json() => {
                tracing::warn!(max_padded_seconds, why, "batch budget changed");
            }
            EngineEvent::BudgetChanged { why, .. } => self.console.line(&format!("BATCHES {why}")),
            EngineEvent::BackingOff { delay, why } if self.console.is_json() => {
                tracing::warn!(delay_seconds = delay.as_secs_f64(), why, "engine start delayed");
            }
            EngineEvent::BackingOff { why, .. } => self.console.line(&format!("ENGINE {why}")),
            EngineEvent::Gap { engine, gap, overlapped } => {
                tracing::info!(engine, gap_seconds = gap.as_secs_f64(), overlapped, "engine takes over");
            }
            EngineEvent::EngineExited { engine, how, files } => {
                tracing::info!(engine, how, files, "engine gone");
            }
            _ => {}
        }
    }
}

impl Observer for EngineLog {
    fn observe(&self, event: &EngineEvent<'_>) {
        let mut stats = self.lock();
        match event {
            EngineEvent::Measured(snapshot) => {
                let engines = || snapshot.engines.iter().map(|(_, process)| process);
                stats.resident = Some(engines().map(|process| process.resident).sum());
                stats.peak = stats.peak.max(engines().map(|process| process.peak_resident).max());
            }
            EngineEvent::FileDone { resident, .. } | EngineEvent::FileBegun { resident, .. } => {
                stats.peak = stats.peak.max(Some(*resident));
            }
            EngineEvent::RecycleDecided { reason, .. } => *stats.replaced.entry(*reason).or_default() += 1,
            _ => {}
        }
        drop(stats);
        self.log(event);
    }
}
