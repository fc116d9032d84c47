//! Events of a run.

use verbatim_protocol::failure::Failure;
use verbatim_protocol::transcript::Transcript;

/// Event of a recording of the plan.
#[derive(Debug)]
pub enum FileEvent<'a> {
    /// More of it was decoded.
    Progress {
        /// Audio decoded so far, in seconds from the beginning.
        audio_seconds: f64,
        /// Bytes read so far.
        bytes_read: u64,
    },
    /// Its transcript is written.
    Done {
        /// The transcript.
        transcript: &'a Transcript,
    },
    /// Its transcript existed already.
    Skipped {
        /// Whether missing formats were rendered from it.
        rendered: bool,
    },
    /// It has no transcript.
    Failed {
        /// Reason.
        failure: &'a Failure,
    },
}

/// Gets all events of a run, from several threads.
pub trait Listener: Sync {
    /// Called for each event of the recording at `position` in the plan.
    fn on_event(&self, position: usize, event: FileEvent<'_>);
}
