//! A scripted engine for tests, and a listener that records events.

use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::listener::{FileEvent, Listener};
use crate::output::testing::segment;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::event::{Event, FileResult, StageTimes};
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::FileTask;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::transcript::{Audio, Model};

/// Interval at which the scripted engine checks `stop` while it waits for a task.
const STOP_POLL: Duration = Duration::from_millis(10);

/// Engine whose transcript of a file is the file's own text. The text `fail` fails, `silence` has no speech,
/// `stop` ends the run.
#[derive(Default)]
pub(crate) struct Scripted {
    /// Names of the files of its tasks, in order.
    pub(crate) tasks: Vec<String>,
}

impl Transcriber for Scripted {
    fn transcribe(&mut self, tasks: Receiver<FileTask>, on_event: &mut dyn FnMut(Event), stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let FileTask { id, path, .. } = match tasks.recv_timeout(STOP_POLL) {
                Ok(task) => task,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            self.tasks.push(path.file_name().unwrap().to_string_lossy().into_owned());
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            let failed = |reason, message: &str| Event::Failed {
                id,
                failure: Failure { reason, message: message.to_owned(), position_seconds: Some(1.5) },
            };
            on_event(Event::Progress { id, audio_seconds: 1.5, bytes_read: 1 });
            on_event(match text.as_str() {
                "fail" => failed(FailureReason::Corrupt, "the data is damaged"),
                "stop" => {
                    stop.store(true, Ordering::Relaxed);
                    failed(FailureReason::Interrupted, "the run was interrupted")
                }
                _ => Event::Done { id, result: result(&bytes, &text) },
            });
        }
    }

    fn model(&self) -> Model {
        Model { name: "scripted".to_owned(), digest: "sha256:1".to_owned() }
    }

    fn language(&self) -> String {
        "en".to_owned()
    }

    fn describe(&self) -> String {
        "a script".to_owned()
    }

    fn handle(&self) -> Arc<EngineHandle> {
        Arc::default()
    }
}

fn result(bytes: &[u8], text: &str) -> FileResult {
    let silent = text == "silence";
    FileResult {
        segments: if silent { Vec::new() } else { vec![segment(0.5, 2.5, text)] },
        audio: Audio {
            duration_seconds: 3.0,
            sample_rate: 8_000,
            channels: 1,
            codec: "pcm_mulaw".to_owned(),
        },
        sha256: hex::encode(Sha256::digest(bytes)),
        bytes: bytes.len() as u64,
        warnings: Vec::new(),
        processing_seconds: 0.25,
        stages: StageTimes::default(),
    }
}

/// Records all events but those of progress.
#[derive(Default)]
pub(crate) struct RecordedEvents(Mutex<Vec<String>>);

impl RecordedEvents {
    /// The events, sorted by file.
    pub(crate) fn sorted(self) -> Vec<String> {
        let mut events = self.0.into_inner().unwrap();
        events.sort();
        events
    }
}

impl Listener for RecordedEvents {
    fn on_event(&self, position: usize, event: FileEvent<'_>) {
        let text = match event {
            FileEvent::Progress { .. } => return,
            FileEvent::Done { transcript } => format!("done: {}", transcript.text),
            FileEvent::Skipped { rendered: false } => "skipped".to_owned(),
            FileEvent::Skipped { rendered: true } => "rendered".to_owned(),
            FileEvent::Failed { failure } => format!("failed: {}: {}", failure.reason, failure.message),
        };
        self.0.lock().unwrap().push(format!("{position} {text}"));
    }
}
