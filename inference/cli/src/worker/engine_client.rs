//! Client of the engine: a thread runs the engine, and asynchronous callers submit recordings and await
//! transcripts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use crossbeam_channel::{Sender, unbounded};
use tokio::sync::oneshot;
use verbatim_ledger::worker::transcribe::{
    EngineTimes, NotTranscribed, SpooledRecording, Transcribe, Transcribed,
};

use crate::output::render::render;
use crate::output::transcript_builder::TranscriptBuilder;
use verbatim_crds::destination::Format;
use verbatim_protocol::event::{self, Event};
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::task::{FileOverrides, FileTask};
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::transcript::Transcript;

/// Callback for progress: task id, and the position in the recording in bytes read and seconds decoded; no
/// position once the recording has left the engine.
pub type OnProgress = Box<dyn Fn(usize, Option<(u64, f64)>) + Send + Sync>;

/// Client of an engine that runs on a thread of its own.
#[derive(Debug)]
pub struct EngineClient {
    /// Sender of tasks; none once the client is closed.
    tasks: Mutex<Option<Sender<FileTask>>>,
    shared: Arc<Shared>,
    formats: Vec<Format>,
    next_id: AtomicUsize,
}

/// State that the engine's thread and the callers share.
#[derive(Debug)]
struct Shared {
    pending: Mutex<HashMap<usize, PendingTask>>,
    builder: TranscriptBuilder,
    stop: Arc<AtomicBool>,
}

/// A submitted recording without a result.
#[derive(Debug)]
struct PendingTask {
    name: String,
    overrides: FileOverrides,
    /// Time of submission.
    submitted: Instant,
    /// Time at which an engine last began it.
    begun: Option<Instant>,
    result: oneshot::Sender<TaskResult>,
}

/// A transcript and the times of its steps.
type TaskResult = Result<(Transcript, EngineTimes), NotTranscribed>;

impl Shared {
    fn pending(&self) -> MutexGuard<'_, HashMap<usize, PendingTask>> {
        // Each change is one insertion or removal: the map is valid even if a thread has panicked.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Error of a recording without a result. If the worker has to stop, the recording was interrupted as
    /// intended.
    fn no_result(&self, why: &str) -> NotTranscribed {
        if self.stop.load(Ordering::Acquire) {
            NotTranscribed::Interrupted
        } else {
            NotTranscribed::NoEngine(why.to_owned())
        }
    }

    fn complete(&self, id: usize, result: impl FnOnce(&mut PendingTask) -> TaskResult) {
        let Some(mut task) = self.pending().remove(&id) else { return };
        let result = result(&mut task);
        // The caller is gone if the shard was lost meanwhile.
        let _ = task.result.send(result);
    }

    fn on_event(&self, event: Event) {
        match event {
            Event::Begun { id } => {
                if let Some(task) = self.pending().get_mut(&id) {
                    task.begun = Some(Instant::now());
                }
            }
            Event::Progress { .. } => {}
            Event::Done { id, result } => {
                self.complete(id, |task| {
                    let times = task.times(&result.stages);
                    let name = std::mem::take(&mut task.name);
                    Ok((self.builder.transcript(name, &task.overrides, result), times))
                });
            }
            Event::Failed { id, failure } if failure.reason == FailureReason::Interrupted => {
                self.complete(id, |_| Err(NotTranscribed::Interrupted));
            }
            Event::Failed { id, failure } => {
                let message = failure.to_string();
                let failed = NotTranscribed::Failed { reason: failure.reason, message, attempts: 1 };
                self.complete(id, |_| Err(failed));
            }
        }
    }
}

impl PendingTask {
    /// The engine's own timings, relative to the submission. Invalid times are left out.
    fn times(&self, reported: &event::StageTimes) -> EngineTimes {
        let Some(begun) = self.begun else { return EngineTimes::default() };
        let waited = begun.saturating_duration_since(self.submitted);
        let after =
            |seconds: f64| Duration::try_from_secs_f64(seconds).ok().map(|time| waited.saturating_add(time));
        let model = reported.inference.and_then(|(from, to)| Some(after(from)?..after(to)?));
        EngineTimes { decode: after(reported.decode_end).map(|decoded| waited..decoded), infer: model }
    }
}

impl EngineClient {
    /// Starts the engine's thread, which ends when the client is closed. `stop` ends its work after the grace
    /// period of its policy.
    pub fn start(
        mut engine: Box<dyn Transcriber>,
        builder: TranscriptBuilder,
        formats: Vec<Format>,
        stop: Arc<AtomicBool>,
        on_progress: OnProgress,
    ) -> (Arc<Self>, JoinHandle<()>) {
        let (sender, receiver) = unbounded::<FileTask>();
        let shared = Arc::new(Shared { pending: Mutex::default(), builder, stop: Arc::clone(&stop) });
        let client = Arc::new(Self {
            tasks: Mutex::new(Some(sender)),
            shared: Arc::clone(&shared),
            formats,
            next_id: AtomicUsize::new(0),
        });
        let thread = thread::spawn(move || {
            let mut on_event = |event: Event| match event {
                Event::Progress { id, audio_seconds, bytes_read } => {
                    on_progress(id, Some((bytes_read, audio_seconds)));
                }
                Event::Begun { .. } => shared.on_event(event),
                Event::Done { id, .. } | Event::Failed { id, .. } => {
                    on_progress(id, None);
                    shared.on_event(event);
                }
            };
            engine.transcribe(receiver, &mut on_event, &stop);
            // The receiver is gone, so that later submissions fail. Pending tasks never get a result:
            // dropping their senders wakes the callers.
            shared.pending().clear();
        });
        (client, thread)
    }

    /// Accepts no more recordings. The engine's thread ends with the last pending result.
    pub fn close(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn submit(&self, task: FileTask) -> Result<(), NotTranscribed> {
        let gone = || self.shared.no_result("the engine has ended");
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.as_ref().ok_or_else(gone)?.send(task).map_err(|_| gone())
    }
}

#[async_trait]
impl Transcribe for EngineClient {
    async fn transcribe(&self, recording: SpooledRecording) -> Result<Transcribed, NotTranscribed> {
        if self.shared.stop.load(Ordering::Acquire) {
            return Err(NotTranscribed::Interrupted);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        let key = recording.file.key;
        let name = key.rsplit('/').next().unwrap_or(&key).to_owned();
        let overrides = FileOverrides { channel: recording.file.channel, language: recording.file.language };
        let task = PendingTask {
            name,
            overrides: overrides.clone(),
            submitted: Instant::now(),
            begun: None,
            result: sender,
        };
        self.shared.pending().insert(id, task);
        self.submit(FileTask { id, path: recording.path, name: Some(key), overrides, fault: None })?;
        let gone = |_| self.shared.no_result("the engine has ended without a result");
        let (transcript, times) = receiver.await.map_err(gone)??;
        let formats = rendered(&transcript, &self.formats).ok_or_else(|| NotTranscribed::Failed {
            reason: FailureReason::WriteFailed,
            message: "failed to write the transcript as text".to_owned(),
            attempts: 1,
        })?;
        Ok(Transcribed {
            formats,
            audio_milliseconds: milliseconds(transcript.duration),
            processing_milliseconds: milliseconds(transcript.processing.seconds),
            times,
        })
    }

    fn render(&self, json: &[u8], formats: &[Format]) -> Option<Vec<(Format, Bytes)>> {
        let transcript: Transcript = serde_json::from_slice(json).ok()?;
        rendered(&transcript, formats)
    }
}

fn rendered(transcript: &Transcript, formats: &[Format]) -> Option<Vec<(Format, Bytes)>> {
    let bytes = |format: &Format| Some((*format, Bytes::from(render(transcript, *format).ok()?)));
    formats.iter().map(bytes).collect()
}

/// Whole milliseconds; the conversion saturates.
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[cfg(test)]
#[path = "engine_client_tests.rs"]
mod tests;
