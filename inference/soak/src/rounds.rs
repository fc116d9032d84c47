//! Rounds of a soak: the same files again and again, in phases of different concurrency.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::inject::FaultPlan;
use crate::recorder::{Recorder, Task};
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::task::{FileOverrides, FileTask};
use verbatim_protocol::transcriber::transcribe_all;
use verbatim_supervisor::supervisor::Supervisor;

/// A recording of a soak.
#[derive(Clone, Debug)]
pub struct SoakRecording {
    /// Path of the file.
    pub path: PathBuf,
    /// Name in the record.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Length of a soak or of one of its phases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SoakLength {
    /// A number of rounds over all files.
    Rounds(usize),
    /// A duration. The last round may be incomplete.
    Time(Duration),
}

impl SoakLength {
    /// Length of phase `index` of `phases`. Rounds that do not divide evenly go to the first phases.
    fn of_phase(self, index: usize, phases: usize) -> Self {
        match self {
            Self::Rounds(rounds) => Self::Rounds(rounds / phases + usize::from(index < rounds % phases)),
            Self::Time(time) => Self::Time(time / u32::try_from(phases).unwrap_or(u32::MAX)),
        }
    }
}

/// Configuration of a soak.
pub struct Soak<'a> {
    /// Files of a round.
    pub recordings: &'a [SoakRecording],
    /// Length of all phases together.
    pub length: SoakLength,
    /// Maximum number of files in flight, one entry per phase.
    pub concurrency: &'a [usize],
    /// Faults to inject.
    pub faults: &'a FaultPlan,
    /// Writer of the record.
    pub recorder: &'a Recorder,
}

impl Soak<'_> {
    /// Runs all phases, or until `stop` is set. Calls `on_answer` after each file. Returns the number of
    /// rounds started.
    pub fn run(&self, engine: &mut Supervisor, on_answer: &dyn Fn(), stop: &AtomicBool) -> usize {
        let (mut task, mut round) = (0, 0);
        for (index, concurrency) in self.concurrency.iter().copied().enumerate() {
            if stop.load(Ordering::Acquire) {
                break;
            }
            let length = self.length.of_phase(index, self.concurrency.len());
            if length == SoakLength::Rounds(0) {
                continue;
            }
            self.recorder.phase(concurrency);
            engine.set_max_in_flight(Some(concurrency));
            let tasks = PhaseTasks {
                soak: self,
                concurrency,
                length,
                started: Instant::now(),
                first_round: round,
                task: &mut task,
                round: &mut round,
                file: 0,
            };
            transcribe_all(engine, tasks, &mut |event| self.record_answer(event, on_answer), stop);
        }
        round
    }

    fn record_answer(&self, event: Event, on_answer: &dyn Fn()) {
        match event {
            Event::Done { id, result } => self.recorder.answered(id, Ok(&result)),
            // An interrupted soak has no answer for the file.
            Event::Failed { failure, .. } if failure.reason == FailureReason::Interrupted => return,
            Event::Failed { id, failure } => {
                self.recorder.answered(id, Err(format!("{}: {}", failure.reason, failure.message)));
            }
            Event::Begun { .. } | Event::Progress { .. } => return,
        }
        on_answer();
    }
}

/// Tasks of one phase, in order.
struct PhaseTasks<'a> {
    soak: &'a Soak<'a>,
    concurrency: usize,
    length: SoakLength,
    started: Instant,
    first_round: usize,
    /// Number of tasks in the whole soak so far.
    task: &'a mut usize,
    /// Number of rounds in the whole soak so far.
    round: &'a mut usize,
    /// Index of the next file in the round.
    file: usize,
}

impl Iterator for PhaseTasks<'_> {
    type Item = FileTask;

    fn next(&mut self) -> Option<FileTask> {
        let over = match self.length {
            SoakLength::Rounds(rounds) => self.file == 0 && *self.round - self.first_round >= rounds,
            SoakLength::Time(time) => self.started.elapsed() >= time,
        };
        if over {
            return None;
        }
        let SoakRecording { path, name, bytes } = self.soak.recordings.get(self.file)?.clone();
        if self.file == 0 {
            *self.round += 1;
        }
        self.file = (self.file + 1) % self.soak.recordings.len();
        *self.task += 1;
        let fault = self.soak.faults.fault(*self.task, &name).map(|fault| fault.injected);
        let task = Task { name, bytes, round: *self.round, concurrency: self.concurrency };
        self.soak.recorder.expect(*self.task, task);
        Some(FileTask { id: *self.task, path, name: None, overrides: FileOverrides::default(), fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_share_the_length() {
        let rounds: Vec<_> = (0..3).map(|index| SoakLength::Rounds(8).of_phase(index, 3)).collect();
        assert_eq!(rounds, [SoakLength::Rounds(3), SoakLength::Rounds(3), SoakLength::Rounds(2)]);
        let time = SoakLength::Time(Duration::from_secs(90)).of_phase(2, 3);
        assert_eq!(time, SoakLength::Time(Duration::from_secs(30)));
    }
}
