//! Composition of a batch: which queued segments join those in flight in one model.

use std::collections::HashMap;
use std::time::Instant;

use crate::audio::SAMPLE_RATE;
use crate::pipeline::segment_queue::{QueuedSegment, SegmentQueue};

/// Segment in the model.
struct InFlight {
    seconds: f64,
    /// Time at which the model took it.
    since: Instant,
}

/// Continuous batch of one inference worker: segments join and leave between steps.
#[derive(Default)]
pub(super) struct Batch {
    in_flight: HashMap<u64, InFlight>,
}

impl Batch {
    /// Whether no segment is in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Takes queued segments for the next step, up to `budget` seconds in flight. `decoding`: whether files
    /// are being decoded, so that more segments may come.
    ///
    /// A step costs nearly the same for one row as for several, so the first step waits for half a budget,
    /// and later ones for a quarter when the batch runs low. Meanwhile decode workers get the processor.
    /// Without decode workers, any segment is enough.
    pub(super) fn take_from(&self, queue: &SegmentQueue, budget: f64, decoding: bool) -> Vec<QueuedSegment> {
        let used: f64 = self.in_flight.values().map(|segment| segment.seconds).sum();
        let wanted = match (decoding, self.is_empty()) {
            (true, true) => budget / 2.0,
            (true, false) => budget / 4.0 - used,
            (false, true) => f64::MIN_POSITIVE,
            (false, false) => 0.0,
        };
        queue.take(budget - used, wanted.max(0.0))
    }

    /// Adds a segment that the model took at `since`.
    pub(super) fn add(&mut self, segment: &QueuedSegment, since: Instant) {
        let seconds = segment.samples.len() as f64 / f64::from(SAMPLE_RATE);
        self.in_flight.insert(segment.id, InFlight { seconds, since });
    }

    /// Removes a finished segment; the time at which the model took it.
    pub(super) fn remove(&mut self, id: u64) -> Option<Instant> {
        self.in_flight.remove(&id).map(|segment| segment.since)
    }

    /// Removes all segments.
    pub(super) fn clear(&mut self) -> Vec<u64> {
        self.in_flight.drain().map(|(id, _)| id).collect()
    }
}
