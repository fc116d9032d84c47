//! Events about engines and files, as they happen. Metrics, status, log and soak report are computed from
//! them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use verbatim_crds::contract::RecycleReason;

use crate::decide::MemoryLimits;
use crate::measure::Snapshot;
use crate::stats::Slope;
use verbatim_protocol::Stats;
use verbatim_protocol::failure::Failure;

/// Number of an engine: 1 for the first one started, and so on.
pub type EngineNumber = u64;

/// An event. The observer adds the time.
#[derive(Clone, Debug)]
pub enum EngineEvent<'a> {
    /// An engine was started.
    EngineStarted {
        /// Number of the engine.
        engine: EngineNumber,
        /// Process id.
        pid: u32,
    },
    /// An engine is ready for files.
    EngineReady {
        /// Number of the engine.
        engine: EngineNumber,
        /// Time since its start.
        load: Duration,
        /// Model, device and threads on one line, for people.
        description: &'a str,
        /// Restrictions that it put on itself.
        sandbox: &'a [String],
    },
    /// An engine is to be replaced. It finishes its files in flight if the reason is orderly; otherwise they
    /// are suspects.
    RecycleDecided {
        /// Number of the engine.
        engine: EngineNumber,
        /// Reason from the closed list.
        reason: RecycleReason,
        /// Reason with figures.
        why: &'a str,
    },
    /// The process of an engine has exited. Without a [`Self::RecycleDecided`] before, it had nothing left to
    /// do.
    EngineExited {
        /// Number of the engine.
        engine: EngineNumber,
        /// Exit status, as in `exit code 0` or `signal 9 (SIGKILL)`.
        how: &'a str,
        /// Files that it answered.
        files: u64,
    },
    /// An engine takes files again after a gap. Where the next engine has to wait for the exit of the old
    /// one, the gap begins at that exit, since the old engine works on its last files until then.
    Gap {
        /// Number of the engine that takes files again.
        engine: EngineNumber,
        /// Time without an engine.
        gap: Duration,
        /// Whether the next engine was started before the old one stopped taking files.
        overlapped: bool,
    },
    /// An engine began a file.
    FileBegun {
        /// Number of the engine.
        engine: EngineNumber,
        /// Id of the file.
        file: usize,
        /// Name of the file for messages.
        name: &'a str,
        /// Times that the file was begun, including this one.
        attempt: u32,
        /// Time since the file was sent to the engine.
        waited: Duration,
        /// Resident memory of the engine, in bytes.
        resident: u64,
    },
    /// A file was in flight when an engine was lost. It will run again, alone.
    FileSuspected {
        /// Id of the file.
        file: usize,
        /// Name of the file for messages.
        name: &'a str,
        /// Reason for the loss of the engine.
        reason: RecycleReason,
    },
    /// A file is transcribed.
    FileDone {
        /// Number of the engine.
        engine: EngineNumber,
        /// Id of the file.
        file: usize,
        /// Duration of its audio, in seconds.
        audio_seconds: f64,
        /// Time from its first byte to its last segment, in seconds.
        processing_seconds: f64,
        /// Resident memory of the engine, in bytes.
        resident: u64,
    },
    /// A file failed.
    FileFailed {
        /// Id of the file.
        file: usize,
        /// Name of the file for messages.
        name: &'a str,
        /// Reason and message.
        failure: &'a Failure,
        /// Number of attempts.
        attempts: u32,
    },
    /// The batch budget changed.
    BudgetChanged {
        /// Most seconds of segments, with padding, in the model at once.
        max_padded_seconds: f64,
        /// Reason with figures.
        why: &'a str,
    },
    /// The start of the next engine is delayed, since engines keep failing.
    BackingOff {
        /// The delay.
        delay: Duration,
        /// Reason with figures.
        why: &'a str,
    },
    /// Processes and memory were measured.
    Measured(&'a Snapshot),
    /// Limits of engines now; follows each measurement.
    Limits {
        /// Limits of an engine's resident memory.
        memory: MemoryLimits,
        /// Most seconds of segments, with padding, in the model at once.
        max_padded_seconds: f64,
    },
    /// An engine reported its statistics.
    EngineStats {
        /// Number of the engine.
        engine: EngineNumber,
        /// Sums since its start.
        stats: &'a Stats,
    },
    /// The growth of an engine's resident memory was estimated.
    GrowthEstimated {
        /// Number of the engine.
        engine: EngineNumber,
        /// Bytes per hour.
        per_hour: Slope,
        /// Bytes per hour of audio.
        per_audio_hour: Option<Slope>,
    },
}

/// Receives events on the supervisor's thread, and must not block.
pub trait Observer: Send + Sync {
    /// Handles an event that has just happened.
    fn observe(&self, event: &EngineEvent<'_>);
}

/// Several observers as one. Each receives every event, in this order.
#[derive(Clone, Default)]
pub struct Observers(pub Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn observe(&self, event: &EngineEvent<'_>) {
        for observer in &self.0 {
            observer.observe(event);
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Recording(char, Arc<Mutex<String>>);

    impl Observer for Recording {
        fn observe(&self, _: &EngineEvent<'_>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[test]
    fn observers_receive_events_in_order() {
        let received = Arc::new(Mutex::new(String::new()));
        let observer = |name| Arc::new(Recording(name, Arc::clone(&received))) as Arc<dyn Observer>;
        let observers = Observers(vec![observer('a'), observer('b')]);
        observers.observe(&EngineEvent::EngineStarted { engine: 1, pid: 1 });
        assert_eq!(*received.lock().unwrap(), "ab");
    }

    #[test]
    fn recycle_reasons_have_distinct_names() {
        let names: std::collections::BTreeSet<_> = RecycleReason::ALL.map(RecycleReason::as_str).into();
        assert_eq!(names.len(), RecycleReason::ALL.len());
    }
}
