//! Inference worker: a thread that takes segments from the queue and runs them through its model, step by
//! step.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::Sender;

use crate::pipeline::batch::Batch;
use crate::pipeline::run_state::RunState;
use crate::pipeline::worker_message::{WorkerMessage, inference_failure};
use crate::recognizer::Recognizer;

/// Runs until the queue is closed and empty, or the run is cancelled.
pub(super) fn run(
    number: usize,
    recognizer: &mut dyn Recognizer,
    state: &RunState<'_>,
    sender: &Sender<WorkerMessage>,
) {
    let mut batch = Batch::default();
    let mut files_done = 0;
    let mut released = true;
    while !state.cancelled.load(Ordering::Acquire) {
        let budget = state.handle.max_padded_seconds() / state.inference_workers as f64;
        let decoding = state.files_decoding.load(Ordering::Acquire) > 0;
        let segments = batch.take_from(&state.queue, budget, decoding);
        if segments.is_empty() && batch.is_empty() {
            if state.queue.is_done() {
                break;
            }
            if !released && state.files_open.load(Ordering::Acquire) == 0 {
                // The next file may be long in coming.
                recognizer.release_memory();
                state.runtime.trim();
                released = true;
                state.handle.set_arena(number, recognizer.arena());
            }
            continue;
        }
        released = false;
        let started = Instant::now();
        for segment in &segments {
            state.handle.add_segment(segment.seconds(), segment.since.elapsed());
            // One at a time: a whole budget takes seconds in the encoder, and cancellation should not wait
            // for it.
            if state.cancelled.load(Ordering::Acquire) {
                break;
            }
            match recognizer.admit(&[(segment.id, &segment.samples)]) {
                Ok(()) => batch.add(segment, started),
                Err(error) => {
                    let failure = inference_failure(&error);
                    if sender.send(WorkerMessage::InferenceFailed { ids: vec![segment.id], failure }).is_err()
                    {
                        return;
                    }
                }
            }
        }
        let result = recognizer.step();
        state.handle.add_inference_time(started.elapsed());
        state.handle.add_padding(recognizer.take_padding_seconds());
        let sent = match result {
            Ok(finished) => finished.into_iter().try_for_each(|(id, recognition)| {
                let since = batch.remove(id).unwrap_or(started);
                sender.send(WorkerMessage::Recognized { id, recognition, since })
            }),
            Err(error) => {
                let failure = inference_failure(&error);
                sender.send(WorkerMessage::InferenceFailed { ids: batch.clear(), failure })
            }
        };
        if sent.is_err() {
            break;
        }
        let now_done = state.files_done.load(Ordering::Acquire);
        if now_done != files_done {
            files_done = now_done;
            state.handle.set_arena(number, recognizer.arena());
            recognizer.shrink_on_next_run();
        }
    }
    recognizer.release_memory();
}
