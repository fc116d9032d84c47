//! Decode worker: a thread that takes files, decodes them, and queues their segments.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use verbatim_models::digest;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::{Fault, FileTask};

use crate::audio::AudioError;
use crate::pipeline::run_state::{DecodingGuard, RunState, STOP_POLL};
use crate::pipeline::segment_file::{FileSegment, SegmentSettings, Stopped, segment_file};
use crate::pipeline::segment_queue::QueuedSegment;
use crate::pipeline::worker_message::{SegmentOrigin, WorkerMessage};
use crate::vad::silero::SileroVad;

/// Runs until there are no more files or the run is stopped, whichever comes first.
pub(super) fn run(
    vad: &mut SileroVad,
    tasks: &Receiver<FileTask>,
    settings: &SegmentSettings<'_>,
    state: &RunState<'_>,
    sender: &Sender<WorkerMessage>,
) {
    while !state.stop.load(Ordering::Acquire) {
        let task = match tasks.recv_timeout(STOP_POLL) {
            Ok(task) => task,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let started = Instant::now();
        state.files_open.fetch_add(1, Ordering::AcqRel);
        if sender.send(WorkerMessage::FileStarted { task: task.id, started }).is_err() {
            return;
        }
        while task.fault.is_some_and(|injected| injected.fault == Fault::Hang) {
            thread::park();
        }
        let result = {
            let _guard = DecodingGuard::new(state);
            decode(vad, &task, settings, state, sender)
        };
        let message = match result {
            Ok(message) => message,
            Err(Stopped::Failed(failure)) => WorkerMessage::FileFailed { task: task.id, failure },
            Err(Stopped::Cancelled) => return,
        };
        if sender.send(message).is_err() {
            return;
        }
    }
}

/// Decodes one file and queues its segments.
fn decode(
    vad: &mut SileroVad,
    task: &FileTask,
    settings: &SegmentSettings<'_>,
    state: &RunState<'_>,
    sender: &Sender<WorkerMessage>,
) -> Result<WorkerMessage, Stopped> {
    let model = settings.model;
    if let Some(wanted) = task.overrides.language.as_ref().filter(|wanted| !model.writes(wanted)) {
        return Err(Stopped::Failed(Failure {
            reason: FailureReason::UnsupportedLanguage,
            message: format!("the model {} writes {}, not {wanted}", model.name, model.language),
            position_seconds: None,
        }));
    }
    let unreadable = |error: io::Error| Stopped::Failed(AudioError::from_io(error, None).into());
    let (sha256, bytes) = digest::of_file(&task.path).map_err(unreadable)?;
    let mut on_segment = |segment: FileSegment| {
        let id = state.next_segment.fetch_add(1, Ordering::Relaxed);
        let origin = SegmentOrigin { task: task.id, channel: segment.channel, span: segment.span };
        // The collector must know the segment before an inference worker finishes it.
        sender.send(WorkerMessage::SegmentFound { id, origin }).is_ok()
            && state.queue.push(QueuedSegment { id, samples: segment.samples, since: Instant::now() })
    };
    let mut on_progress = |audio_seconds, bytes_read| {
        let _ = sender.send(WorkerMessage::Decoded { task: task.id, audio_seconds, bytes_read });
    };
    let channels = task.overrides.channels(settings.channels);
    let file = segment_file(&task.path, channels, settings, vad, &mut on_segment, &mut on_progress)?;
    let sha256 = sha256.trim_start_matches("sha256:").to_owned();
    Ok(WorkerMessage::FileEnded { task: task.id, audio: file.audio, warnings: file.warnings, sha256, bytes })
}
