//! How far a run is, as whoever commits the results tells it to metrics and status.

use serde::Serialize;

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Files of the plan.
    pub files: u64,
    /// Files whose transcript was written.
    pub done: u64,
    /// Files whose transcript was there already.
    pub skipped: u64,
    /// Files that failed.
    pub failed: u64,
    /// Bytes of the plan's files, as far as known.
    pub bytes: u64,
    /// Bytes still to be read, as far as known.
    pub remaining_bytes: u64,
    /// Audio heard so far, in seconds, with that of files that are not done yet.
    pub audio_seconds: f64,
    /// Audio seconds in a second; none before anything was heard.
    pub speed: Option<f64>,
    /// Seconds that the rest will take; none while that cannot be told.
    pub seconds_left: Option<f64>,
}

impl Progress {
    /// Files that nothing became of yet.
    pub fn remaining_files(&self) -> u64 {
        self.files.saturating_sub(self.done + self.skipped + self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_never_less_than_nothing() {
        let progress = Progress { files: 10, done: 3, skipped: 2, failed: 1, ..Progress::default() };
        assert_eq!(progress.remaining_files(), 4);
        assert_eq!(Progress { files: 5, ..progress }.remaining_files(), 0);
    }
}
