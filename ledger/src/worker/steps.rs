//! Where a file's time went, step by step, for whoever watches.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use super::transcribe::Parts;

/// A step of a file's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From the source into the spool.
    Fetch,
    /// From bytes to pieces of speech.
    Decode,
    /// From pieces of speech to text, the wait for the model included once the first piece is in it.
    Infer,
    /// Into the destination.
    Commit,
}

/// A step that was done, or that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Took {
    /// The step.
    pub step: Step,
    /// From when to when, since the file was begun.
    pub time: Range<Duration>,
    /// Whether it failed.
    pub failed: bool,
}

/// The steps of a file so far. Their times are by one clock that is never set, whatever happens to the wall's meanwhile: each
/// step is within the file's own time.
#[derive(Clone, Debug)]
pub struct Steps {
    begun: SystemTime,
    clock: Instant,
    took: Vec<Took>,
}

impl Steps {
    /// The file is begun.
    pub(crate) fn begin() -> Self {
        Self { begun: SystemTime::now(), clock: Instant::now(), took: Vec::new() }
    }

    /// When the file was begun.
    pub fn begun(&self) -> SystemTime {
        self.begun
    }

    /// Time since then.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What was done, in order.
    pub fn took(&self) -> &[Took] {
        &self.took
    }

    /// Does a step.
    pub(crate) async fn time<T, E>(
        &mut self,
        step: Step,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let begun = self.elapsed();
        let done = work.await;
        self.took.push(Took { step, time: begun..self.elapsed(), failed: done.is_err() });
        done
    }

    /// Takes what whoever transcribes says of its own steps, since `handed`. It is believed as far as it fits between then and
    /// now.
    pub(crate) fn parts(&mut self, handed: Duration, parts: &Parts) {
        let now = self.elapsed();
        let within = |time: Duration| handed.saturating_add(time).min(now);
        for (step, part) in [(Step::Decode, &parts.decode), (Step::Infer, &parts.infer)] {
            if let Some(part) = part {
                let begun = within(part.start);
                let time = begun..within(part.end).max(begun);
                self.took.push(Took { step, time, failed: false });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steps_are_within_the_files_time_whatever_is_said_of_them() {
        let mut steps = Steps::begin();
        let fetched: Result<u8, u8> = steps.time(Step::Fetch, async { Ok(1) }).await;
        assert_eq!(fetched, Ok(1));
        let handed = steps.elapsed();
        let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
        let nothing = Parts { decode: Some(Duration::ZERO..hour), infer: Some(day..hour) };
        steps.parts(handed, &nothing);
        steps.parts(handed, &Parts { decode: None, infer: Some(Duration::MAX..Duration::MAX) });
        let committed: Result<u8, u8> = steps.time(Step::Commit, async { Err(2) }).await;
        assert_eq!(committed, Err(2));
        let all: Vec<_> = steps.took().iter().map(|took| (took.step, took.failed)).collect();
        let infer = (Step::Infer, false);
        assert_eq!(all, [(Step::Fetch, false), (Step::Decode, false), infer, infer, (Step::Commit, true)]);
        for took in steps.took() {
            assert!(took.time.start <= took.time.end && took.time.end <= steps.elapsed(), "{steps:?}");
        }
    }
}
