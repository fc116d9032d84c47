//! The engine's room: the engine has a thread, and recordings come in by a door and go out as transcripts.

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

use crate::output::format::Format;
use crate::output::made_by::MadeBy;
use crate::output::render::render;
use verbatim_protocol::event as job;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::task::{FileOverrides, FileTask};
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::transcript::Transcript;

/// Hears how far into a recording the engine is: its bytes read and its audio heard, in seconds; nothing when it is out.
pub type Heard = Box<dyn Fn(usize, Option<(u64, f64)>) + Send + Sync>;

/// An engine that has a thread of its own.
#[derive(Debug)]
pub struct Room {
    door: Mutex<Option<Sender<FileTask>>>,
    inside: Arc<Inside>,
    formats: Vec<Format>,
    next: AtomicUsize,
}

/// What the engine's thread and the door have in common.
#[derive(Debug)]
struct Inside {
    waiting: Mutex<HashMap<usize, Waiting>>,
    made_by: MadeBy,
    stop: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Waiting {
    name: String,
    overrides: FileOverrides,
    /// When it was handed over, and when an engine took it up last.
    handed: Instant,
    begun: Option<Instant>,
    answer: oneshot::Sender<Answer>,
}

/// A transcript, and where its time went.
type Answer = Result<(Transcript, EngineTimes), NotTranscribed>;

impl Inside {
    fn waiting(&self) -> MutexGuard<'_, HashMap<usize, Waiting>> {
        // Each change is one insertion or removal: a thread that died has left nothing half-done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of a recording that nobody answers: where the worker is told to stop, that is as it should be.
    fn unanswered(&self, why: &str) -> NotTranscribed {
        if self.stop.load(Ordering::Acquire) {
            NotTranscribed::Interrupted
        } else {
            NotTranscribed::NoEngine(why.to_owned())
        }
    }

    fn answer(&self, id: usize, answer: impl FnOnce(&mut Waiting) -> Answer) {
        let Some(mut waiting) = self.waiting().remove(&id) else { return };
        let answer = answer(&mut waiting);
        // Nobody waits any more where the shard was lost meanwhile.
        let _ = waiting.answer.send(answer);
    }

    fn hear(&self, event: Event) {
        match event {
            Event::Begun { id } => {
                if let Some(waiting) = self.waiting().get_mut(&id) {
                    waiting.begun = Some(Instant::now());
                }
            }
            Event::Progress { .. } => {}
            Event::Done { id, result } => {
                self.answer(id, |waiting| {
                    let parts = waiting.parts(&result.stages);
                    let name = std::mem::take(&mut waiting.name);
                    Ok((self.made_by.transcript(name, &waiting.overrides, result), parts))
                });
            }
            Event::Failed { id, failure } if failure.reason == FailureReason::Interrupted => {
                self.answer(id, |_| Err(NotTranscribed::Interrupted));
            }
            Event::Failed { id, failure } => {
                let message = failure.to_string();
                let failed = NotTranscribed::Failed { reason: failure.reason, message, attempts: 1 };
                self.answer(id, |_| Err(failed));
            }
        }
    }
}

impl Waiting {
    /// What the engine says of its own time, since the recording was handed over. What is no time is left out.
    fn parts(&self, said: &job::StageTimes) -> EngineTimes {
        let Some(begun) = self.begun else { return EngineTimes::default() };
        let waited = begun.saturating_duration_since(self.handed);
        let after =
            |seconds: f64| Duration::try_from_secs_f64(seconds).ok().map(|time| waited.saturating_add(time));
        let model = said.inference.and_then(|(from, to)| Some(after(from)?..after(to)?));
        EngineTimes { decode: after(said.decode_end).map(|decoded| waited..decoded), infer: model }
    }
}

impl Room {
    /// Gives the engine its thread. `stop` ends its work, after the grace period of its policy. `heard` hears of progress.
    /// The thread ends when the room is closed.
    pub fn open(
        mut engine: Box<dyn Transcriber>,
        made_by: MadeBy,
        formats: Vec<Format>,
        stop: Arc<AtomicBool>,
        heard: Heard,
    ) -> (Arc<Self>, JoinHandle<()>) {
        let (door, tasks) = unbounded::<FileTask>();
        let inside = Arc::new(Inside { waiting: Mutex::default(), made_by, stop: Arc::clone(&stop) });
        let room = Arc::new(Self {
            door: Mutex::new(Some(door)),
            inside: Arc::clone(&inside),
            formats,
            next: AtomicUsize::new(0),
        });
        let thread = thread::spawn(move || {
            let mut on_event = |event: Event| match event {
                Event::Progress { id, audio_seconds, bytes_read } => {
                    heard(id, Some((bytes_read, audio_seconds)));
                }
                Event::Begun { .. } => inside.hear(event),
                Event::Done { id, .. } | Event::Failed { id, .. } => {
                    heard(id, None);
                    inside.hear(event);
                }
            };
            engine.transcribe(tasks, &mut on_event, &stop);
            // The receiver is gone: later senders fail. Whatever was not answered never will be: its sender goes.
            inside.waiting().clear();
        });
        (room, thread)
    }

    /// Lets no more recordings in: the engine's thread ends when it has answered those that are.
    pub fn close(&self) {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn enter(&self, task: FileTask) -> Result<(), NotTranscribed> {
        let gone = || self.inside.unanswered("the engine has ended");
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        door.as_ref().ok_or_else(gone)?.send(task).map_err(|_| gone())
    }
}

#[async_trait]
impl Transcribe for Room {
    async fn transcribe(&self, recording: SpooledRecording) -> Result<Transcribed, NotTranscribed> {
        if self.inside.stop.load(Ordering::Acquire) {
            return Err(NotTranscribed::Interrupted);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let key = recording.file.key;
        let name = key.rsplit('/').next().unwrap_or(&key).to_owned();
        let overrides = FileOverrides { channel: recording.file.channel, language: recording.file.language };
        let waiting =
            Waiting { name, overrides: overrides.clone(), handed: Instant::now(), begun: None, answer };
        self.inside.waiting().insert(id, waiting);
        self.enter(FileTask { id, path: recording.path, name: Some(key), overrides, fault: None })?;
        let gone = |_| self.inside.unanswered("it has ended without an answer");
        let (transcript, parts) = answered.await.map_err(gone)??;
        let formats = rendered(&transcript, &self.formats).ok_or_else(|| NotTranscribed::Failed {
            reason: FailureReason::WriteFailed,
            message: "the transcript cannot be written as text".to_owned(),
            attempts: 1,
        })?;
        Ok(Transcribed {
            formats,
            audio_milliseconds: milliseconds(transcript.duration),
            processing_milliseconds: milliseconds(transcript.processing.seconds),
            times: parts,
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
#[path = "room_tests.rs"]
mod tests;
