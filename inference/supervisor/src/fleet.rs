//! The engines of a supervisor, which of them takes files, and the gap while none does.

use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::engine_event::EngineNumber;

/// Running engines: the current one takes files, the next one loads or waits to take over, the others drain.
#[derive(Default)]
pub(crate) struct EngineFleet {
    engines: Vec<Engine>,
    current: Option<EngineNumber>,
    next: Option<EngineNumber>,
    last_number: EngineNumber,
    gap: Option<Gap>,
}

/// Time during which no engine takes files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    since: Instant,
    /// Whether the next engine was started before the last one stopped taking files.
    pub(crate) overlapped: bool,
}

impl Gap {
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl EngineFleet {
    pub(crate) fn current(&self) -> Option<EngineNumber> {
        self.current
    }

    pub(crate) fn next(&self) -> Option<EngineNumber> {
        self.next
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.engines.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Engine> {
        self.engines.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.engines.iter_mut()
    }

    pub(crate) fn get(&self, number: EngineNumber) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.number == number)
    }

    pub(crate) fn get_mut(&mut self, number: EngineNumber) -> Option<&mut Engine> {
        self.engines.iter_mut().find(|engine| engine.number == number)
    }

    /// The engine, unless it drains already.
    pub(crate) fn serving_mut(&mut self, number: EngineNumber) -> Option<&mut Engine> {
        self.get_mut(number).filter(|engine| engine.draining.is_none())
    }

    /// Numbers and process ids of all engines.
    pub(crate) fn pids(&self) -> Vec<(EngineNumber, u32)> {
        self.iter().map(|engine| (engine.number, engine.process.pid())).collect()
    }

    /// The number of an engine to be added.
    pub(crate) fn new_number(&self) -> EngineNumber {
        self.last_number + 1
    }

    /// Adds an engine as the next one.
    pub(crate) fn add(&mut self, engine: Engine) {
        self.last_number = engine.number;
        self.next = Some(engine.number);
        self.engines.push(engine);
    }

    /// Makes the next engine the current one if it is ready and there is no current one; gives the gap that
    /// ends.
    pub(crate) fn promote_next(&mut self) -> Option<(EngineNumber, Option<Gap>)> {
        let next = self.next.filter(|_| self.current.is_none())?;
        self.get(next).filter(|next| next.takes_files())?;
        (self.current, self.next) = (Some(next), None);
        Some((next, self.gap.take()))
    }

    /// Whether the next engine is ready, or there is none.
    pub(crate) fn next_is_ready(&self) -> bool {
        self.next.and_then(|next| self.get(next)).is_none_or(Engine::takes_files)
    }

    /// An engine takes no more files: it is neither the current nor the next one.
    pub(crate) fn withdraw(&mut self, number: EngineNumber) {
        if self.current == Some(number) {
            self.current = None;
            self.gap = Some(Gap { since: Instant::now(), overlapped: self.next.is_some() });
        }
        if self.next == Some(number) {
            self.next = None;
        }
    }

    pub(crate) fn remove(&mut self, number: EngineNumber) -> Option<Engine> {
        let index = self.engines.iter().position(|engine| engine.number == number)?;
        self.withdraw(number);
        Some(self.engines.swap_remove(index))
    }

    /// Starts the gap anew where the next engine had to wait for the exit of this one, which worked until
    /// now.
    pub(crate) fn restart_gap_on_exit(&mut self) {
        if let Some(gap) = self.gap.as_mut().filter(|gap| !gap.overlapped) {
            gap.since = Instant::now();
        }
    }
}
