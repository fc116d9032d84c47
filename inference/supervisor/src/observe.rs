//! What happens to engines and files, told as it happens: metrics, status, log and soak report are made from it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use verbatim_crds::contract::RecycleReason;

use crate::decide::Watermarks;
use crate::measure::Snapshot;
use verbatim_protocol::Stats;
use verbatim_protocol::failure::Failure;

/// Number of an engine, from 1, in the order in which they were started.
pub type EngineNumber = u64;

/// Something that happened. Times are given by whoever observes.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// An engine was started.
    EngineStarted {
        /// Its number.
        engine: EngineNumber,
        /// Its process.
        pid: u32,
    },
    /// An engine is ready for files.
    EngineReady {
        /// Its number.
        engine: EngineNumber,
        /// From its start to now.
        load: Duration,
        /// One line for people: model, device, threads.
        description: &'a str,
        /// What it took away from itself.
        sandbox: &'a [String],
    },
    /// It was decided that an engine is to be replaced; its files in flight finish first where the reason is orderly.
    EngineCondemned {
        /// Its number.
        engine: EngineNumber,
        /// Why, from the closed list.
        reason: RecycleReason,
        /// Why, in words and figures.
        why: &'a str,
    },
    /// An engine's process has ended. One that was not condemned had nothing more to do.
    EngineGone {
        /// Its number.
        engine: EngineNumber,
        /// How, in words, as `exit code 0` or `signal 9 (SIGKILL)`.
        how: &'a str,
        /// Files that it did.
        files: u64,
    },
    /// No engine took files for so long, between one that was replaced and the next. Where the next one has to wait until
    /// the old one is gone, the gap begins then: before, the old one works on its last files.
    Gap {
        /// The engine that takes files again.
        engine: EngineNumber,
        /// For how long there was none.
        gap: Duration,
        /// Whether the next one was started before the old one left.
        overlapped: bool,
    },
    /// An engine took up a file.
    FileBegun {
        /// Its number.
        engine: EngineNumber,
        /// The file.
        file: usize,
        /// How people know it.
        name: &'a str,
        /// Times that it was begun, this one included.
        attempt: u32,
        /// Time that it waited for the engine since it was handed over.
        waited: Duration,
        /// The engine's resident memory, in bytes.
        resident: u64,
    },
    /// A file was in flight when an engine was lost: it will be run again, alone.
    FileSuspected {
        /// The file.
        file: usize,
        /// How people know it.
        name: &'a str,
        /// Why the engine was lost.
        reason: RecycleReason,
    },
    /// A file is done.
    FileDone {
        /// Which engine did it.
        engine: EngineNumber,
        /// The file.
        file: usize,
        /// Its audio, in seconds.
        audio_seconds: f64,
        /// From its first byte to its last segment, in seconds.
        processing_seconds: f64,
        /// The engine's resident memory, in bytes.
        resident: u64,
    },
    /// A file failed.
    FileFailed {
        /// The file.
        file: usize,
        /// How people know it.
        name: &'a str,
        /// Why.
        failure: &'a Failure,
        /// Times that it was tried.
        attempts: u32,
    },
    /// The batch budget has changed.
    Budget {
        /// Seconds of segments, with padding.
        max_padded_seconds: f64,
        /// Why, in words.
        why: &'a str,
    },
    /// The next engine is not started before a while, because engines keep failing.
    BackingOff {
        /// The while.
        delay: Duration,
        /// Why, in words.
        why: &'a str,
    },
    /// Processes and memory were measured.
    Measured(&'a Snapshot),
    /// What holds for engines now; told with each measurement.
    Bounds {
        /// Limits of an engine's resident memory.
        memory: Watermarks,
        /// Seconds of segments, with padding, that may be in the model at once.
        max_padded_seconds: f64,
    },
    /// An engine told of itself.
    EngineStats {
        /// Its number.
        engine: EngineNumber,
        /// Sums since its start.
        stats: &'a Stats,
    },
    /// Growth of an engine's resident memory was estimated.
    Growth {
        /// Its number.
        engine: EngineNumber,
        /// Bytes an hour.
        per_hour: crate::stats::Slope,
        /// Bytes for an hour of audio.
        per_audio_hour: Option<crate::stats::Slope>,
    },
}

/// Hears of what happens, on the supervisor's thread: it must not block.
pub trait Observer: Send + Sync {
    /// Something happened just now.
    fn observe(&self, happening: &Happening<'_>);
}

/// Several observers as one; each hears of everything, in this order.
#[derive(Clone, Default)]
pub struct Observers(pub Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn observe(&self, happening: &Happening<'_>) {
        for observer in &self.0 {
            observer.observe(happening);
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

    struct Hears(char, Arc<Mutex<String>>);

    impl Observer for Hears {
        fn observe(&self, _: &Happening<'_>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[test]
    fn each_observer_hears_in_order() {
        let heard = Arc::new(Mutex::new(String::new()));
        let of = |name| Arc::new(Hears(name, Arc::clone(&heard))) as Arc<dyn Observer>;
        let observers = Observers(vec![of('a'), of('b')]);
        observers.observe(&Happening::EngineStarted { engine: 1, pid: 1 });
        assert_eq!(*heard.lock().unwrap(), "ab");
    }

    #[test]
    fn reasons_have_distinct_names() {
        let names: std::collections::BTreeSet<_> = RecycleReason::ALL.map(RecycleReason::as_str).into();
        assert_eq!(names.len(), RecycleReason::ALL.len());
    }
}
