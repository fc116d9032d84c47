//! What a run tells while it goes on.

use verbatim_protocol::failure::Failure;
use verbatim_protocol::transcript::Transcript;

/// Something that happened to a file of the plan.
#[derive(Debug)]
pub enum Notice<'a> {
    /// More of it was heard: seconds of audio decoded so far.
    Heard {
        /// Seconds from the file's beginning.
        audio_seconds: f64,
        /// Bytes of the file read so far.
        bytes_read: u64,
    },
    /// Its transcript is written.
    Done {
        /// The transcript.
        transcript: &'a Transcript,
    },
    /// Its transcript was there already.
    Skipped {
        /// Whether files of other formats were written again from it.
        rendered: bool,
    },
    /// It has no transcript.
    Failed {
        /// Why.
        failure: &'a Failure,
    },
}

/// Hears of everything that happens in a run, from several threads.
pub trait Watcher: Sync {
    /// Something happened to the file at `position` in the plan.
    fn notice(&self, position: usize, notice: Notice<'_>);
}
