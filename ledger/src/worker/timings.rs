//! Timings of a file's steps.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use super::transcribe::EngineTimes;

/// Step in the processing of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Download from the source into the spool.
    Fetch,
    /// Decoding and speech detection.
    Decode,
    /// Inference, from the file's first segment in the model on, later waits for the model included.
    Infer,
    /// Upload to the destination.
    Commit,
}

/// Timing of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTiming {
    /// Step.
    pub step: Step,
    /// Start and end, relative to the start of the file.
    pub time: Range<Duration>,
    /// Whether the step failed.
    pub failed: bool,
}

/// Timings of a file's steps so far, by a monotonic clock: changes of the wall clock do not matter, and each
/// step is within the file's own time.
#[derive(Clone, Debug)]
pub struct FileTimings {
    begun: SystemTime,
    clock: Instant,
    steps: Vec<StepTiming>,
}

impl FileTimings {
    /// Starts the clock of a file.
    pub(crate) fn begin() -> Self {
        Self { begun: SystemTime::now(), clock: Instant::now(), steps: Vec::new() }
    }

    /// Start of the file.
    pub fn begun(&self) -> SystemTime {
        self.begun
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Timings of the finished steps, in order.
    pub fn steps(&self) -> &[StepTiming] {
        &self.steps
    }

    /// Runs a step and records its timing.
    pub(crate) async fn measure<T, E>(
        &mut self,
        step: Step,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let begun = self.elapsed();
        let done = work.await;
        self.steps.push(StepTiming { step, time: begun..self.elapsed(), failed: done.is_err() });
        done
    }

    /// Adds the transcriber's own timings, which are relative to `handed`. They are clamped to the time
    /// between then and now.
    pub(crate) fn add_engine_times(&mut self, handed: Duration, times: &EngineTimes) {
        let now = self.elapsed();
        let within = |time: Duration| handed.saturating_add(time).min(now);
        for (step, part) in [(Step::Decode, &times.decode), (Step::Infer, &times.infer)] {
            if let Some(part) = part {
                let begun = within(part.start);
                let time = begun..within(part.end).max(begun);
                self.steps.push(StepTiming { step, time, failed: false });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn timings_are_clamped_to_the_time_of_the_file() {
        let mut timings = FileTimings::begin();
        let fetched: Result<u8, u8> = timings.measure(Step::Fetch, async { Ok(1) }).await;
        assert_eq!(fetched, Ok(1));
        let handed = timings.elapsed();
        let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
        let nothing = EngineTimes { decode: Some(Duration::ZERO..hour), infer: Some(day..hour) };
        timings.add_engine_times(handed, &nothing);
        timings.add_engine_times(
            handed,
            &EngineTimes { decode: None, infer: Some(Duration::MAX..Duration::MAX) },
        );
        let committed: Result<u8, u8> = timings.measure(Step::Commit, async { Err(2) }).await;
        assert_eq!(committed, Err(2));
        let all: Vec<_> = timings.steps().iter().map(|took| (took.step, took.failed)).collect();
        let infer = (Step::Infer, false);
        assert_eq!(all, [(Step::Fetch, false), (Step::Decode, false), infer, infer, (Step::Commit, true)]);
        for took in timings.steps() {
            assert!(took.time.start <= took.time.end && took.time.end <= timings.elapsed(), "{timings:?}");
        }
    }
}
