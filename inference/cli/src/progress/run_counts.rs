//! Counts of a run, and the estimates derived from them. Pure: elapsed time is a parameter.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_supervisor::progress::Progress;

/// Time and seconds of decoded audio before there is an estimate of the rest. Sooner it is dominated by the
/// start: models that load, and files that are read for their digest.
const MIN_ELAPSED: Duration = Duration::from_secs(5);
const MIN_DECODED: f64 = 30.0;

/// Counts of a run so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunCounts {
    /// Planned files.
    pub files: usize,
    /// Size of the planned files, as far as known.
    pub bytes: u64,
    /// Files whose transcript was written.
    pub done: usize,
    /// Files whose transcript existed already.
    pub skipped: usize,
    /// Skipped files of which missing formats were written.
    pub rendered: usize,
    /// Done files without speech.
    pub silent: usize,
    /// Done files with warnings.
    pub warned: usize,
    /// Failed files by reason, without interrupted ones.
    pub failed: BTreeMap<FailureReason, Vec<(String, Failure)>>,
    /// Audio of the done files, in seconds.
    pub audio_seconds: f64,
    /// Size of the done files.
    done_bytes: u64,
    /// Size of the files that need no more work, done or not.
    finished_bytes: u64,
    /// Position in each file in flight: decoded audio in seconds, and bytes read.
    in_flight: HashMap<usize, (f64, u64)>,
}

impl RunCounts {
    /// No results yet, of a number of files and their total size.
    pub fn new(files: usize, bytes: u64) -> Self {
        Self { files, bytes, ..Self::default() }
    }

    /// Sets the position in a file: bytes read and seconds decoded.
    pub fn set_position(&mut self, id: usize, bytes_read: u64, seconds: f64) {
        self.in_flight.insert(id, (seconds, bytes_read));
    }

    /// Removes a file from those in flight, without a result.
    pub fn remove_in_flight(&mut self, id: usize) {
        self.in_flight.remove(&id);
    }

    /// Adds a done file with its seconds of audio.
    pub fn add_done(&mut self, id: usize, bytes: u64, seconds: f64) {
        self.finish(id, bytes);
        self.done += 1;
        self.done_bytes += bytes;
        self.audio_seconds += seconds;
    }

    /// Adds a skipped file.
    pub fn add_skipped(&mut self, id: usize, bytes: u64, rendered: bool) {
        self.finish(id, bytes);
        self.skipped += 1;
        self.rendered += usize::from(rendered);
    }

    /// Adds a failed file. An interrupted file stays undone.
    pub fn add_failed(&mut self, id: usize, bytes: u64, name: String, failure: Failure) {
        self.finish(id, bytes);
        if failure.reason != FailureReason::Interrupted {
            self.failed.entry(failure.reason).or_default().push((name, failure));
        }
    }

    fn finish(&mut self, id: usize, bytes: u64) {
        self.in_flight.remove(&id);
        self.finished_bytes += bytes;
    }

    /// Number of failed files.
    pub fn failures(&self) -> usize {
        self.failed.values().map(Vec::len).sum()
    }

    /// Number of files without a result.
    pub fn undone(&self) -> usize {
        self.files.saturating_sub(self.done + self.skipped + self.failures())
    }

    /// Decoded audio in seconds, files in flight included.
    pub fn decoded_seconds(&self) -> f64 {
        self.audio_seconds + self.in_flight.values().map(|(seconds, _)| seconds).sum::<f64>()
    }

    /// Audio seconds per second of wall time; none before any audio is decoded.
    pub fn speed(&self, elapsed: Duration) -> Option<f64> {
        let (decoded, elapsed) = (self.decoded_seconds(), elapsed.as_secs_f64());
        (decoded > 0.0 && elapsed > 0.0).then(|| decoded / elapsed)
    }

    /// Fraction of the work that is done, 0 to 1, by bytes: durations are unknown before decoding.
    pub fn fraction_done(&self) -> f64 {
        if self.bytes == 0 {
            return 1.0;
        }
        (self.processed_bytes() as f64 / self.bytes as f64).min(1.0)
    }

    /// Size of the files that need no more work, plus the bytes read of files in flight.
    fn processed_bytes(&self) -> u64 {
        self.finished_bytes + self.in_flight.values().map(|(_, read)| read).sum::<u64>()
    }

    /// Estimated time for the rest, from the audio decoded so far; none before it means something.
    pub fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        if elapsed < MIN_ELAPSED || self.decoded_seconds() < MIN_DECODED {
            return None;
        }
        let speed = self.speed(elapsed)?;
        let decoded_bytes = self.done_bytes + self.in_flight.values().map(|(_, read)| read).sum::<u64>();
        if decoded_bytes == 0 {
            return None;
        }
        let left = self.bytes.saturating_sub(self.processed_bytes()) as f64;
        let seconds = left * self.decoded_seconds() / decoded_bytes as f64 / speed;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Progress for metrics and status.
    pub fn progress(&self, elapsed: Duration) -> Progress {
        Progress {
            files: self.files as u64,
            done: self.done as u64,
            skipped: self.skipped as u64,
            failed: self.failures() as u64,
            bytes: self.bytes,
            remaining_bytes: self.bytes.saturating_sub(self.processed_bytes()),
            audio_seconds: self.decoded_seconds(),
            speed: self.speed(elapsed),
            seconds_left: self.time_left(elapsed).map(|left| left.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_estimated_from_bytes() {
        let mut counts = RunCounts::new(4, 4_000);
        let after = |seconds| Duration::from_secs(seconds);
        assert_eq!(counts.time_left(after(10)), None);
        // Too early: most of the time so far was the start's.
        counts.set_position(0, 10, 1.0);
        assert_eq!((counts.time_left(after(4)), counts.time_left(after(10))), (None, None));
        // Half of the first file is read in 10 s: 3.5 files are left.
        counts.set_position(0, 500, 50.0);
        assert_eq!(counts.speed(after(10)), Some(5.0));
        assert_eq!(counts.time_left(after(4)), None);
        assert_eq!(counts.time_left(after(10)), Some(after(70)));
        // 1000 bytes are 100 s of audio, done in 20 s.
        counts.add_done(0, 1_000, 100.0);
        assert_eq!(counts.time_left(after(20)), Some(after(60)));
        // Skipped files cost no time: 2000 bytes are left.
        counts.add_skipped(1, 1_000, false);
        assert_eq!(counts.time_left(after(20)), Some(after(40)));
        // Half of the next file is decoded: 150 s in 30 s, 150 s are left.
        counts.set_position(2, 500, 50.0);
        assert_eq!(counts.time_left(after(30)), Some(after(30)));
        assert!((counts.fraction_done() - 0.625).abs() < 1e-9);
        let progress = counts.progress(after(30));
        assert_eq!(
            (progress.files, progress.done, progress.skipped, progress.remaining_files()),
            (4, 1, 1, 2)
        );
        assert_eq!(
            (progress.remaining_bytes, progress.speed, progress.seconds_left),
            (1_500, Some(5.0), Some(30.0))
        );
    }

    #[test]
    fn interrupted_files_count_as_undone_not_failed() {
        let mut counts = RunCounts::new(3, 3);
        let failure = |reason| Failure { reason, message: "it ended".to_owned(), position_seconds: None };
        counts.add_failed(0, 1, "a".to_owned(), failure(FailureReason::Corrupt));
        counts.add_failed(1, 1, "b".to_owned(), failure(FailureReason::Interrupted));
        assert_eq!((counts.failures(), counts.undone()), (1, 2));
    }
}
