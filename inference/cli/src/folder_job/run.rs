//! Runs a plan through an engine.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use verbatim_protocol::event::Event;
use verbatim_protocol::transcriber::{Transcriber, transcribe_all};

use super::commit::{self, Commit};
use super::listener::FileEvent;
use super::run_input::RunInput;
use super::task_source::TaskSource;
use crate::output::transcript_builder::TranscriptBuilder;

/// Most transcripts that wait to be written. Enough for a slow fsync (0.1 s) while a fast engine finishes
/// hundreds of short files per second; a transcript takes kilobytes.
const MAX_WAITING: usize = 64;

/// Transcribes the recordings that need it. Returns when everything is written or, after `stop` was set, when
/// the engine has answered. The listener gets Done, Skipped or Failed for each recording; after `stop`, none
/// for recordings that were not begun.
pub fn run(input: &RunInput<'_>, engine: &mut dyn Transcriber, stop: &AtomicBool) {
    let (sender, receiver) = mpsc::sync_channel(MAX_WAITING);
    let builder = TranscriptBuilder {
        model: engine.model(),
        language: engine.language(),
        config_digest: input.origin.config.clone(),
    };
    thread::scope(|scope| {
        scope.spawn(move || commit::write_all(input, &receiver));
        let mut tasks = TaskSource::new(input, stop, sender.clone());
        transcribe_all(engine, &mut tasks, &mut |event| on_event(input, event, &builder, &sender), stop);
        // Again: a process that was killed during a write may hold its file for a moment longer.
        tasks.remove_leftovers();
        // The writer ends when both senders are gone.
        drop(tasks);
        drop(sender);
    });
}

fn on_event(input: &RunInput<'_>, event: Event, builder: &TranscriptBuilder, commits: &SyncSender<Commit>) {
    match event {
        Event::Begun { .. } => {}
        Event::Progress { id, audio_seconds, bytes_read } => {
            input.listener.on_event(id, FileEvent::Progress { audio_seconds, bytes_read });
        }
        Event::Failed { id, failure } => {
            input.listener.on_event(id, FileEvent::Failed { failure: &failure });
        }
        Event::Done { id, result } => {
            let Some(recording) = input.recordings.get(id) else { return };
            // Without folders: the same recording gives the same transcript wherever it lies.
            let name = recording.name.file_name().unwrap_or(recording.name.as_os_str());
            let transcript =
                builder.transcript(name.to_string_lossy().into_owned(), &recording.overrides, result);
            // The writer outlives this sender: the send succeeds.
            let _ = commits.send(Commit { id, transcript, formats: input.formats.to_vec(), rendered: false });
        }
    }
}
