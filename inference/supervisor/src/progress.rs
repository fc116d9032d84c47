//! Progress of a run, as reported to metrics and status by the part that commits the results.

use serde::Serialize;

/// Progress of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Files of the plan.
    pub files: u64,
    /// Files whose transcript was written.
    pub done: u64,
    /// Files that were skipped, as their transcript existed.
    pub skipped: u64,
    /// Files that failed.
    pub failed: u64,
    /// Bytes of the plan's files whose size is known.
    pub bytes: u64,
    /// Bytes still to be read of files whose size is known.
    pub remaining_bytes: u64,
    /// Audio processed so far, in seconds, with that of files in flight.
    pub audio_seconds: f64,
    /// Audio seconds per second; none before any audio was processed.
    pub speed: Option<f64>,
    /// Estimated seconds to completion; none while there is no estimate.
    pub seconds_left: Option<f64>,
}

impl Progress {
    /// Files without an outcome.
    pub fn remaining_files(&self) -> u64 {
        self.files.saturating_sub(self.done + self.skipped + self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_files_are_never_negative() {
        let progress = Progress { files: 10, done: 3, skipped: 2, failed: 1, ..Progress::default() };
        assert_eq!(progress.remaining_files(), 4);
        assert_eq!(Progress { files: 5, ..progress }.remaining_files(), 0);
    }
}
