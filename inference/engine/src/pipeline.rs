//! Listeners, lanes and the collector: the whole way from files to results.
//!
//! Listeners decode and cut (a file each), lanes run the model (a thread and its sessions each), the collector, on the
//! caller's thread, puts the files together again. Between listeners and lanes lies the [`Pool`]; it bounds memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::audio::AudioLimits;
use super::collect::{Collector, Message, Place};
use super::family::Family;
use super::lane::lane;
use super::listen::{self, Settings, Stopped, listen};
use super::pool::{Pool, Waiting};
use super::runtime::Runtime;
use super::vad::Vad;
use verbatim_models::{Ready, digest};
use verbatim_protocol::controls::Controls;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::task::{Fault, FileTask};
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::transcript::Model;

/// Messages to the collector that wait, at most: enough that lanes do not wait while an event is handled, and small
/// beside the segments themselves.
const MESSAGES: usize = 256;
/// How often the collector looks whether it was told to stop.
const STOP_POLL: Duration = Duration::from_millis(100);

/// The engine: a loaded model and everything around it.
pub(super) struct Pipeline {
    pub(super) runtime: Arc<Runtime>,
    pub(super) ready: Ready,
    pub(super) options: EngineOptions,
    pub(super) lanes: Vec<Box<dyn Family>>,
    pub(super) listeners: Vec<Vad>,
    pub(super) description: String,
    pub(super) controls: Arc<Controls>,
}

/// What all threads of one call share.
pub(super) struct Shared<'a> {
    pub(super) pool: Pool,
    pub(super) controls: &'a Controls,
    pub(super) lanes: usize,
    pub(super) runtime: &'a Runtime,
    stop: &'a AtomicBool,
    /// Set when the collector has seen `stop`: everybody goes home.
    pub(super) over: AtomicBool,
    next_segment: AtomicU64,
    /// Files that are done: lanes give memory back when it moves.
    pub(super) files_done: AtomicUsize,
    /// Files that are begun and not done.
    pub(super) files_open: AtomicUsize,
    /// Listeners that are in a file: as long as there are any, more segments may come.
    pub(super) hearing: AtomicUsize,
}

impl Transcriber for Pipeline {
    fn transcribe(&mut self, tasks: Receiver<FileTask>, on_event: &mut dyn FnMut(Event), stop: &AtomicBool) {
        let shared = Shared {
            pool: Pool::new(&self.controls),
            controls: &self.controls,
            lanes: self.lanes.len(),
            runtime: &self.runtime,
            stop,
            over: AtomicBool::new(false),
            next_segment: AtomicU64::new(0),
            files_done: AtomicUsize::new(0),
            files_open: AtomicUsize::new(0),
            hearing: AtomicUsize::new(0),
        };
        let lengths = self.lanes.first().map(|lane| lane.lengths());
        let Some(lengths) = lengths else { return };
        let settings = Settings {
            channels: self.options.channels,
            model: &self.ready,
            limits: AudioLimits { max_seconds: Some(self.options.max_audio_seconds) },
            vad: &self.options.vad,
            max_seconds: lengths.max_seconds,
            fitted_length: &move |samples| lengths.fitted(samples),
        };
        let (sender, receiver) = crossbeam_channel::bounded(MESSAGES);
        let (shared, settings) = (&shared, &settings);
        let listening = &AtomicUsize::new(self.listeners.len());
        thread::scope(|scope| {
            for vad in &mut self.listeners {
                let (tasks, sender) = (tasks.clone(), sender.clone());
                scope.spawn(move || {
                    let _leaving = Leaving { listening, pool: &shared.pool };
                    listener(vad, &tasks, settings, shared, &sender);
                });
            }
            for (number, family) in self.lanes.iter_mut().enumerate() {
                let sender = sender.clone();
                scope.spawn(move || lane(number, family.as_mut(), shared, &sender));
            }
            drop((tasks, sender));
            collect(&receiver, shared, on_event);
        });
        self.runtime.trim();
    }

    fn model(&self) -> Model {
        Model { name: self.ready.name.clone(), digest: self.ready.digest.clone() }
    }

    fn language(&self) -> String {
        self.ready.language.clone()
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn controls(&self) -> Arc<Controls> {
        Arc::clone(&self.controls)
    }
}

/// Held by each listener: the last one that goes, however it goes, closes the pool, or the lanes would wait for ever.
struct Leaving<'a> {
    listening: &'a AtomicUsize,
    pool: &'a Pool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if self.listening.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.pool.close();
        }
    }
}

/// Held by a listener while it is in a file. When the last one ends, lanes need not wait for fuller batches.
struct Hearing<'a>(&'a Shared<'a>);

impl<'a> Hearing<'a> {
    fn begin(shared: &'a Shared<'a>) -> Self {
        shared.hearing.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for Hearing<'_> {
    fn drop(&mut self) {
        if self.0.hearing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.pool.wake();
        }
    }
}

/// A listener's life: files, until there are none.
fn listener(
    vad: &mut Vad,
    tasks: &Receiver<FileTask>,
    settings: &Settings<'_>,
    shared: &Shared<'_>,
    sender: &Sender<Message>,
) {
    while !shared.stop.load(Ordering::Acquire) {
        let Ok(task) = tasks.recv() else { return };
        let started = Instant::now();
        shared.files_open.fetch_add(1, Ordering::AcqRel);
        if sender.send(Message::Started { task: task.id, started }).is_err() {
            return;
        }
        while task.fault.is_some_and(|injected| injected.fault == Fault::Hang) {
            thread::park();
        }
        let heard = {
            let _hearing = Hearing::begin(shared);
            hear(vad, &task, settings, shared, sender)
        };
        let message = match heard {
            Ok(message) => message,
            Err(Stopped::Failed(failure)) => Message::Failed { task: task.id, failure },
            Err(Stopped::Unwanted) => return,
        };
        if sender.send(message).is_err() {
            return;
        }
    }
}

/// Hears one file.
fn hear(
    vad: &mut Vad,
    task: &FileTask,
    settings: &Settings<'_>,
    shared: &Shared<'_>,
    sender: &Sender<Message>,
) -> Result<Message, Stopped> {
    let unreadable = |error: std::io::Error| {
        Stopped::Failed(Failure::from(super::audio::AudioError::from_io(error, None)))
    };
    if let Some(wanted) = task.overrides.language.as_ref().filter(|wanted| !settings.model.writes(wanted)) {
        return Err(Stopped::Failed(Failure {
            reason: FailureReason::UnsupportedLanguage,
            message: format!(
                "the model {} writes {}, not {wanted}",
                settings.model.name, settings.model.language
            ),
            position_seconds: None,
        }));
    }
    let (sha256, bytes) = digest::of_file(&task.path).map_err(unreadable)?;
    let mut each = |heard: listen::Heard| {
        let id = shared.next_segment.fetch_add(1, Ordering::Relaxed);
        let place = Place { task: task.id, channel: heard.channel, span: heard.span };
        // The collector must know the segment before a lane can be done with it.
        sender.send(Message::Heard { id, place }).is_ok()
            && shared.pool.push(Waiting { id, samples: heard.samples, since: Instant::now() })
    };
    let mut progress = |audio_seconds, bytes_read| {
        let _ = sender.send(Message::Progress { task: task.id, audio_seconds, bytes_read });
    };
    let ended = listen(
        &task.path,
        task.overrides.channels(settings.channels),
        settings,
        vad,
        &mut each,
        &mut progress,
    )?;
    let sha256 = sha256.trim_start_matches("sha256:").to_owned();
    Ok(Message::Ended { task: task.id, audio: ended.audio, warnings: ended.warnings, sha256, bytes })
}

/// The collector's life: messages, until all senders are gone.
fn collect(receiver: &Receiver<Message>, shared: &Shared<'_>, on_event: &mut dyn FnMut(Event)) {
    let mut collector = Collector::default();
    loop {
        match receiver.recv_timeout(STOP_POLL) {
            Ok(message) => {
                for event in collector.take(message) {
                    let done = matches!(event, Event::Done { .. } | Event::Failed { .. });
                    on_event(event);
                    if done {
                        shared.files_done.fetch_add(1, Ordering::AcqRel);
                        if shared.files_open.fetch_sub(1, Ordering::AcqRel) == 1 {
                            shared.pool.wake();
                        }
                        shared.runtime.trim();
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if shared.stop.load(Ordering::Acquire) && !shared.over.swap(true, Ordering::AcqRel) {
            shared.pool.abandon();
        }
    }
    collector.interrupted().into_iter().for_each(on_event);
}
