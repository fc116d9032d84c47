//! The rounds of a soak: the same files again and again, as many in flight together as each phase says.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::inject::Faults;
use super::recorder::{Recorder, Task};
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::task::{FileOverrides, FileTask};
use verbatim_protocol::transcriber::transcribe_all;
use verbatim_supervisor::supervisor::Supervisor;

/// A recording of a soak.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Where it is.
    pub path: PathBuf,
    /// How people know it.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// How long a soak goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// So many rounds of all files.
    Rounds(usize),
    /// So long; rounds that are begun are not finished.
    Time(Duration),
}

impl Length {
    /// The part of a phase: the `index`th of `phases`. Rounds that do not divide go to the first phases.
    fn part(self, index: usize, phases: usize) -> Self {
        match self {
            Self::Rounds(rounds) => Self::Rounds(rounds / phases + usize::from(index < rounds % phases)),
            Self::Time(time) => Self::Time(time / u32::try_from(phases).unwrap_or(u32::MAX)),
        }
    }
}

/// What a soak does.
pub struct Soak<'a> {
    /// The files of a round.
    pub recordings: &'a [Recording],
    /// How long it goes on.
    pub length: Length,
    /// Files in flight together, a phase each.
    pub concurrency: &'a [usize],
    /// What goes wrong on purpose.
    pub faults: &'a Faults,
    /// Writes everything down.
    pub recorder: &'a Recorder,
}

impl Soak<'_> {
    /// Runs all phases, or until `stop` is set. `told` is called after each file. Gives the rounds that were begun.
    pub fn run(&self, engine: &mut Supervisor, told: &dyn Fn(), stop: &AtomicBool) -> usize {
        let (mut task, mut round) = (0, 0);
        for (index, concurrency) in self.concurrency.iter().copied().enumerate() {
            if stop.load(Ordering::Acquire) {
                break;
            }
            let length = self.length.part(index, self.concurrency.len());
            if length == Length::Rounds(0) {
                continue;
            }
            self.recorder.phase(concurrency);
            engine.set_max_in_flight(Some(concurrency));
            let tasks = Rounds {
                soak: self,
                concurrency,
                until: length,
                began: Instant::now(),
                first_round: round,
                task: &mut task,
                round: &mut round,
                file: 0,
            };
            transcribe_all(engine, tasks, &mut |event| self.hear(event, told), stop);
        }
        round
    }

    fn hear(&self, event: Event, told: &dyn Fn()) {
        match event {
            Event::Done { id, result } => self.recorder.answered(id, Ok(&result)),
            // A soak that was interrupted has no answer for it.
            Event::Failed { failure, .. } if failure.reason == FailureReason::Interrupted => return,
            Event::Failed { id, failure } => {
                self.recorder.answered(id, Err(format!("{}: {}", failure.reason, failure.message)));
            }
            Event::Begun { .. } | Event::Progress { .. } => return,
        }
        told();
    }
}

/// The files of a phase, one after the other.
struct Rounds<'a> {
    soak: &'a Soak<'a>,
    concurrency: usize,
    until: Length,
    began: Instant,
    first_round: usize,
    /// Files of the whole soak so far.
    task: &'a mut usize,
    /// Rounds of the whole soak so far.
    round: &'a mut usize,
    /// Position in the round.
    file: usize,
}

impl Iterator for Rounds<'_> {
    type Item = FileTask;

    fn next(&mut self) -> Option<FileTask> {
        let over = match self.until {
            Length::Rounds(rounds) => self.file == 0 && *self.round - self.first_round >= rounds,
            Length::Time(time) => self.began.elapsed() >= time,
        };
        if over {
            return None;
        }
        let recording = self.soak.recordings.get(self.file)?;
        if self.file == 0 {
            *self.round += 1;
        }
        self.file = (self.file + 1) % self.soak.recordings.len();
        *self.task += 1;
        let Recording { path, name, bytes } = recording.clone();
        let fault = self.soak.faults.of(*self.task, &name).map(|strike| strike.injected);
        let task = Task { name, bytes, round: *self.round, concurrency: self.concurrency };
        self.soak.recorder.expect(*self.task, task);
        Some(FileTask { id: *self.task, path, name: None, overrides: FileOverrides::default(), fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_shared_among_phases() {
        let parts: Vec<_> = (0..3).map(|index| Length::Rounds(8).part(index, 3)).collect();
        assert_eq!(parts, [Length::Rounds(3), Length::Rounds(3), Length::Rounds(2)]);
        assert_eq!(Length::Time(Duration::from_secs(90)).part(2, 3), Length::Time(Duration::from_secs(30)));
    }
}
