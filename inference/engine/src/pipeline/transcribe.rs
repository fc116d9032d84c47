//! The engine as a [`Transcriber`]: starts the workers of a run, and collects their results.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use verbatim_models::InstalledModel;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::event::Event;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::task::FileTask;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::transcript::Model;

use crate::audio::AudioLimits;
use crate::onnx_runtime::runtime::Runtime;
use crate::pipeline::collector::Collector;
use crate::pipeline::decode_worker;
use crate::pipeline::inference_worker;
use crate::pipeline::run_state::{DecodeWorkerGuard, RunState, STOP_POLL};
use crate::pipeline::segment_file::SegmentSettings;
use crate::pipeline::segment_queue::SegmentQueue;
use crate::pipeline::worker_message::WorkerMessage;
use crate::recognizer::Recognizer;
use crate::vad::silero::SileroVad;

/// Capacity of the channel to the collector: enough that workers do not wait while an event is handled, and
/// small beside the segments themselves.
const MESSAGES: usize = 256;

/// Loaded engine.
pub(crate) struct Pipeline {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) model: InstalledModel,
    pub(crate) options: EngineOptions,
    /// One for each inference worker.
    pub(crate) recognizers: Vec<Box<dyn Recognizer>>,
    /// One for each decode worker.
    pub(crate) vads: Vec<SileroVad>,
    pub(crate) description: String,
    pub(crate) handle: Arc<EngineHandle>,
}

impl Transcriber for Pipeline {
    fn transcribe(&mut self, tasks: Receiver<FileTask>, on_event: &mut dyn FnMut(Event), stop: &AtomicBool) {
        let Some(lengths) = self.recognizers.first().map(|recognizer| recognizer.lengths()) else { return };
        let queue = SegmentQueue::new(&self.handle);
        let state = &RunState::new(queue, &self.handle, &self.runtime, self.recognizers.len(), stop);
        let settings = &SegmentSettings {
            channels: self.options.channels,
            model: &self.model,
            limits: AudioLimits { max_seconds: Some(self.options.max_audio_seconds) },
            vad: &self.options.vad,
            lengths,
        };
        let (sender, receiver) = bounded(MESSAGES);
        let decode_workers = &AtomicUsize::new(self.vads.len());
        thread::scope(|scope| {
            for vad in &mut self.vads {
                let (tasks, sender) = (tasks.clone(), sender.clone());
                scope.spawn(move || {
                    let _guard = DecodeWorkerGuard { workers: decode_workers, queue: &state.queue };
                    decode_worker::run(vad, &tasks, settings, state, &sender);
                });
            }
            for (number, recognizer) in self.recognizers.iter_mut().enumerate() {
                let sender = sender.clone();
                scope.spawn(move || inference_worker::run(number, recognizer.as_mut(), state, &sender));
            }
            drop((tasks, sender));
            collect(&receiver, state, on_event);
        });
        self.runtime.trim();
    }

    fn model(&self) -> Model {
        Model { name: self.model.name.clone(), digest: self.model.digest.clone() }
    }

    fn language(&self) -> String {
        self.model.language.clone()
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn handle(&self) -> Arc<EngineHandle> {
        Arc::clone(&self.handle)
    }
}

/// Handles the messages of the workers until all of them have ended.
fn collect(receiver: &Receiver<WorkerMessage>, state: &RunState<'_>, on_event: &mut dyn FnMut(Event)) {
    let mut collector = Collector::default();
    loop {
        match receiver.recv_timeout(STOP_POLL) {
            Ok(message) => {
                for event in collector.handle(message) {
                    let done = matches!(event, Event::Done { .. } | Event::Failed { .. });
                    on_event(event);
                    if done {
                        state.files_done.fetch_add(1, Ordering::AcqRel);
                        if state.files_open.fetch_sub(1, Ordering::AcqRel) == 1 {
                            state.queue.wake();
                        }
                        state.runtime.trim();
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if state.stop.load(Ordering::Acquire) && !state.cancelled.swap(true, Ordering::AcqRel) {
            state.queue.abandon();
        }
    }
    collector.interrupt_all().into_iter().for_each(on_event);
}
