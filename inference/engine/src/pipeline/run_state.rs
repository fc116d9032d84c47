//! State that all threads of one run share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use verbatim_protocol::engine_handle::EngineHandle;

use crate::onnx_runtime::runtime::Runtime;
use crate::pipeline::segment_queue::SegmentQueue;

/// Interval at which threads that wait for tasks or messages check `stop`.
pub(super) const STOP_POLL: Duration = Duration::from_millis(100);

/// State of one run.
pub(super) struct RunState<'a> {
    pub(super) queue: SegmentQueue,
    pub(super) handle: &'a EngineHandle,
    pub(super) runtime: &'a Runtime,
    /// Number of inference workers, which share the batch budget.
    pub(super) inference_workers: usize,
    /// Set by the caller to stop the run.
    pub(super) stop: &'a AtomicBool,
    /// Set once the collector has seen `stop`: all workers end.
    pub(super) cancelled: AtomicBool,
    pub(super) next_segment: AtomicU64,
    /// Files that are done. Inference workers return memory when it changes.
    pub(super) files_done: AtomicUsize,
    /// Files that were begun and are not done.
    pub(super) files_open: AtomicUsize,
    /// Files that are being decoded. While there are any, more segments may come.
    pub(super) files_decoding: AtomicUsize,
}

impl<'a> RunState<'a> {
    pub(super) fn new(
        queue: SegmentQueue,
        handle: &'a EngineHandle,
        runtime: &'a Runtime,
        inference_workers: usize,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            queue,
            handle,
            runtime,
            inference_workers,
            stop,
            cancelled: AtomicBool::new(false),
            next_segment: AtomicU64::new(0),
            files_done: AtomicUsize::new(0),
            files_open: AtomicUsize::new(0),
            files_decoding: AtomicUsize::new(0),
        }
    }
}

/// Guard of a decode worker. The last one that is dropped, even by a panic, closes the queue; otherwise the
/// inference workers would wait for ever.
pub(super) struct DecodeWorkerGuard<'a> {
    pub(super) workers: &'a AtomicUsize,
    pub(super) queue: &'a SegmentQueue,
}

impl Drop for DecodeWorkerGuard<'_> {
    fn drop(&mut self) {
        if self.workers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.close();
        }
    }
}

/// Guard of a file that is being decoded. When the last one is dropped, inference workers no longer wait for
/// fuller batches.
pub(super) struct DecodingGuard<'a>(&'a RunState<'a>);

impl<'a> DecodingGuard<'a> {
    pub(super) fn new(state: &'a RunState<'a>) -> Self {
        state.files_decoding.fetch_add(1, Ordering::AcqRel);
        Self(state)
    }
}

impl Drop for DecodingGuard<'_> {
    fn drop(&mut self) {
        if self.0.files_decoding.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.queue.wake();
        }
    }
}
