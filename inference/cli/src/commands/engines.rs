//! Tells what becomes of engines, and keeps the figures of theirs that a run's summary shows.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::commands::say::Say;
use verbatim_crds::contract::RecycleReason;
use verbatim_supervisor::engine_event::{EngineEvent, Observer};
use verbatim_text as text;

/// Figures of engines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Resident memory of the engines that live, in bytes; none before it was measured.
    pub resident: Option<u64>,
    /// Most resident memory of one engine, in bytes.
    pub peak: Option<u64>,
    /// Engines that were replaced, by reason.
    pub replaced: BTreeMap<RecycleReason, usize>,
}

/// Hears of engines and tells people.
#[derive(Debug)]
pub struct Engines {
    say: Say,
    figures: Mutex<Figures>,
}

impl Engines {
    /// Nothing has happened yet.
    pub fn new(say: &Say) -> Self {
        Self { say: say.clone(), figures: Mutex::default() }
    }

    /// The figures so far.
    pub fn figures(&self) -> Figures {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        // Numbers only: whatever a thread that died has left will do.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, happening: &EngineEvent<'_>) {
        match happening {
            EngineEvent::EngineReady { engine, load, sandbox, .. } => {
                tracing::info!(
                    engine,
                    load_seconds = load.as_secs_f64(),
                    sandbox = sandbox.join("; "),
                    "engine ready"
                );
            }
            EngineEvent::RecycleDecided { engine, reason, why } if self.say.is_json() => {
                tracing::warn!(engine, reason = reason.as_str(), why, "engine replaced");
            }
            EngineEvent::RecycleDecided { reason, why, .. } => {
                self.say.line(&format!("ENGINE replaced ({}): {why}", reason.as_str()));
            }
            EngineEvent::BudgetChanged { max_padded_seconds, why } if self.say.is_json() => {
                tracing::warn!(max_padded_seconds, why, "batch budget changed");
            }
            EngineEvent::BudgetChanged { why, .. } => self.say.line(&format!("BATCHES {why}")),
            EngineEvent::BackingOff { delay, why } if self.say.is_json() => {
                tracing::warn!(delay_seconds = delay.as_secs_f64(), why, "engine start delayed");
            }
            EngineEvent::BackingOff { why, .. } => self.say.line(&format!("ENGINE {why}")),
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

impl Observer for Engines {
    fn observe(&self, happening: &EngineEvent<'_>) {
        let mut figures = self.lock();
        match happening {
            EngineEvent::Measured(snapshot) => {
                let engines = || snapshot.engines.iter().map(|(_, process)| process);
                figures.resident = Some(engines().map(|process| process.resident).sum());
                figures.peak = figures.peak.max(engines().map(|process| process.peak_resident).max());
            }
            EngineEvent::FileDone { resident, .. } | EngineEvent::FileBegun { resident, .. } => {
                figures.peak = figures.peak.max(Some(*resident));
            }
            EngineEvent::RecycleDecided { reason, .. } => *figures.replaced.entry(*reason).or_default() += 1,
            _ => {}
        }
        drop(figures);
        self.tell(happening);
    }
}

/// Engines that were replaced, in words; none where none was.
pub fn replaced(figures: &Figures) -> Option<String> {
    let parts: Vec<String> =
        figures.replaced.iter().map(|(reason, count)| format!("{} {count}", reason.as_str())).collect();
    let all: usize = figures.replaced.values().sum();
    (all > 0).then(|| format!("{} ({})", text::count(all, "engine", "engines"), parts.join(", ")))
}
