//! Counts what happens in a run. Pure: the time that has passed is given.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_supervisor::progress::Progress;

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Files of the plan.
    pub files: usize,
    /// Bytes of the plan's files, as far as known.
    pub bytes: u64,
    /// Files whose transcript was written.
    pub done: usize,
    /// Files whose transcript was there already.
    pub skipped: usize,
    /// Of those skipped: files of which other formats were written again.
    pub rendered: usize,
    /// Files in which no speech was found; they are done.
    pub silent: usize,
    /// Files that were wrong but not fatally so; they are done.
    pub warned: usize,
    /// Files that failed, by reason. Files that an interrupt left undone are not among them.
    pub failed: BTreeMap<FailureReason, Vec<(String, Failure)>>,
    /// Audio of the files that are done, in seconds.
    pub audio_seconds: f64,
    /// Bytes of the files that are done.
    done_bytes: u64,
    /// Bytes of the files that need no more work, done or not.
    answered_bytes: u64,
    /// Of files that are begun: audio heard, in seconds, and bytes read.
    begun: HashMap<usize, (f64, u64)>,
}

impl Tally {
    /// Nothing yet, of so many files and bytes.
    pub fn new(files: usize, bytes: u64) -> Self {
        Self { files, bytes, ..Self::default() }
    }

    /// More of a file was heard: so many bytes read, so many seconds of audio.
    pub fn heard(&mut self, id: usize, bytes_read: u64, seconds: f64) {
        self.begun.insert(id, (seconds, bytes_read));
    }

    /// A file is no longer worked on, and what became of it is told in another way.
    pub fn forget(&mut self, id: usize) {
        self.begun.remove(&id);
    }

    /// A file is done, with so many seconds of audio.
    pub fn done(&mut self, id: usize, bytes: u64, seconds: f64) {
        self.end(id, bytes);
        self.done += 1;
        self.done_bytes += bytes;
        self.audio_seconds += seconds;
    }

    /// A file was done already.
    pub fn skipped(&mut self, id: usize, bytes: u64, rendered: bool) {
        self.end(id, bytes);
        self.skipped += 1;
        self.rendered += usize::from(rendered);
    }

    /// A file failed. One that was interrupted stays undone.
    pub fn failed(&mut self, id: usize, bytes: u64, name: String, failure: Failure) {
        self.end(id, bytes);
        if failure.reason != FailureReason::Interrupted {
            self.failed.entry(failure.reason).or_default().push((name, failure));
        }
    }

    fn end(&mut self, id: usize, bytes: u64) {
        self.begun.remove(&id);
        self.answered_bytes += bytes;
    }

    /// Number of files that failed.
    pub fn failures(&self) -> usize {
        self.failed.values().map(Vec::len).sum()
    }

    /// Number of files that nothing became of.
    pub fn undone(&self) -> usize {
        self.files.saturating_sub(self.done + self.skipped + self.failures())
    }

    /// Audio heard so far, in seconds, with that of files that are not done yet.
    pub fn heard_seconds(&self) -> f64 {
        self.audio_seconds + self.begun.values().map(|(seconds, _)| seconds).sum::<f64>()
    }

    /// Audio seconds in a second.
    pub fn speed(&self, elapsed: Duration) -> Option<f64> {
        let (heard, elapsed) = (self.heard_seconds(), elapsed.as_secs_f64());
        (heard > 0.0 && elapsed > 0.0).then(|| heard / elapsed)
    }

    /// Share of the work that is behind, 0 to 1, by bytes: how long files are is not known before they are decoded.
    pub fn share(&self) -> f64 {
        if self.bytes == 0 {
            return 1.0;
        }
        (self.behind() as f64 / self.bytes as f64).min(1.0)
    }

    /// Bytes of files that need no more work, and those read of files that are begun.
    fn behind(&self) -> u64 {
        self.answered_bytes + self.begun.values().map(|(_, read)| read).sum::<u64>()
    }

    /// Time that the rest will take, as far as what was heard tells; none before anything was.
    pub fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let speed = self.speed(elapsed)?;
        let heard_bytes = self.done_bytes + self.begun.values().map(|(_, read)| read).sum::<u64>();
        if heard_bytes == 0 {
            return None;
        }
        let left = self.bytes.saturating_sub(self.behind()) as f64;
        let seconds = left * self.heard_seconds() / heard_bytes as f64 / speed;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The same for metrics and status.
    pub fn progress(&self, elapsed: Duration) -> Progress {
        Progress {
            files: self.files as u64,
            done: self.done as u64,
            skipped: self.skipped as u64,
            failed: self.failures() as u64,
            bytes: self.bytes,
            remaining_bytes: self.bytes.saturating_sub(self.behind()),
            audio_seconds: self.heard_seconds(),
            speed: self.speed(elapsed),
            seconds_left: self.time_left(elapsed).map(|left| left.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_from_bytes() {
        let mut tally = Tally::new(4, 4_000);
        assert_eq!(tally.time_left(Duration::from_secs(1)), None);
        // Half of the first is read in a second: three and a half like it are left.
        tally.heard(0, 500, 50.0);
        assert_eq!(tally.speed(Duration::from_secs(1)), Some(50.0));
        assert_eq!(tally.time_left(Duration::from_secs(1)), Some(Duration::from_secs(7)));
        // 1000 bytes are 100 s of audio, in 2 s.
        tally.done(0, 1_000, 100.0);
        assert_eq!(tally.time_left(Duration::from_secs(2)), Some(Duration::from_secs(6)));
        // Skipped files are no work: 2000 bytes are left.
        tally.skipped(1, 1_000, false);
        assert_eq!(tally.time_left(Duration::from_secs(2)), Some(Duration::from_secs(4)));
        // Half of the next is heard: 150 s in 3 s, 150 s are left.
        tally.heard(2, 500, 50.0);
        assert_eq!(tally.time_left(Duration::from_secs(3)), Some(Duration::from_secs(3)));
        assert!((tally.share() - 0.625).abs() < 1e-9);
        let progress = tally.progress(Duration::from_secs(3));
        assert_eq!(
            (progress.files, progress.done, progress.skipped, progress.remaining_files()),
            (4, 1, 1, 2)
        );
        assert_eq!(
            (progress.remaining_bytes, progress.speed, progress.seconds_left),
            (1_500, Some(50.0), Some(3.0))
        );
    }

    #[test]
    fn interrupted_files_are_undone_and_not_failed() {
        let mut tally = Tally::new(3, 3);
        let failure = |reason| Failure { reason, message: "it ended".to_owned(), position_seconds: None };
        tally.failed(0, 1, "a".to_owned(), failure(FailureReason::Corrupt));
        tally.failed(1, 1, "b".to_owned(), failure(FailureReason::Interrupted));
        assert_eq!((tally.failures(), tally.undone()), (1, 2));
    }
}
