//! Histograms and their buckets.

use prometheus_client::metrics::histogram::Histogram;

/// Real time factor: from a large GPU with full batches to recordings of a second that share two busy cores
/// with dozens of others. Three steps per decade; there is no standard to follow.
const REAL_TIME_FACTOR: [f64; 15] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0];

/// Ratios from 0 to 1. Batches are sorted by length, so that most have less than a fifth of padding: finer
/// there.
const RATIO: [f64; 10] = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75];

/// Seconds in the queue: from an idle engine to a queue of long recordings.
const QUEUE_SECONDS: [f64; 10] = [0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// Seconds without an engine, or to load one: a small model loads in a third of a second, a large one from a
/// slow disk in minutes; an overlapped gap is close to 0.
const START_SECONDS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Seconds of a request to a store until the first byte of its response: a store nearby takes milliseconds,
/// S3 tens of them, a busy one seconds; the timeout is 30 s.
const REQUEST_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0];

/// Histogram of requests to a store.
pub(super) fn requests() -> Histogram {
    Histogram::new(REQUEST_SECONDS)
}

/// Histograms of the worker.
#[derive(Debug)]
pub(super) struct Histograms {
    /// Real time factor of each file.
    pub(super) real_time_factor: Histogram,
    /// Ratio of padding between two reports of an engine.
    pub(super) padding_ratio: Histogram,
    /// Seconds in the queue of each file.
    pub(super) queue: Histogram,
    /// Seconds from an engine's start until it was ready.
    pub(super) load: Histogram,
    /// Seconds without an engine.
    pub(super) gap: Histogram,
}

impl Default for Histograms {
    fn default() -> Self {
        Self {
            real_time_factor: Histogram::new(REAL_TIME_FACTOR),
            padding_ratio: Histogram::new(RATIO),
            queue: Histogram::new(QUEUE_SECONDS),
            load: Histogram::new(START_SECONDS),
            gap: Histogram::new(START_SECONDS),
        }
    }
}
