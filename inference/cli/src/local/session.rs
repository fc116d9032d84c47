//! Runs a plan through an engine.

use std::{
    io,
    sync::{
        atomic::AtomicBool,
        mpsc::{self, SyncSender},
    },
    thread,
};

use crate::local::commit;
use crate::local::commit::Work;
use crate::local::done::{Origin, Overwrite};
use crate::local::feed::Feed;
use crate::local::plan::Item;
use crate::local::watch::{Notice, Watcher};
use crate::output::format::Format;
use crate::output::made_by::MadeBy;
use verbatim_protocol::event::Event;
use verbatim_protocol::transcriber::{Transcriber, transcribe_all};

/// Transcripts that wait to be written, at most. Enough for a slow fsync (0.1 s) while a fast engine is done with
/// hundreds of short files in a second; a transcript takes kilobytes.
const WAITING: usize = 64;

/// A plan and everything that its running needs but the engine.
pub struct Run<'a> {
    /// The recordings.
    pub items: &'a [Item],
    /// The files of each transcript that does not go to standard output.
    pub formats: &'a [Format],
    /// What to do where a transcript is there already.
    pub overwrite: Overwrite,
    /// Digests of model and settings.
    pub origin: Origin,
    /// Hears of everything that happens.
    pub watcher: &'a dyn Watcher,
    /// Takes the transcripts that go to standard output.
    pub stdout: &'a (dyn Fn(&[u8]) -> io::Result<()> + Sync),
}

impl Run<'_> {
    /// Transcribes what needs it. Returns when all is written, or, after `stop` was set, when the engine has let go.
    /// Each item is told to the watcher as done, skipped or failed; after `stop`, items that were not begun are not.
    pub fn run(&self, engine: &mut dyn Transcriber, stop: &AtomicBool) {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let made_by = MadeBy {
            model: engine.model(),
            language: engine.language(),
            config_digest: self.origin.config.clone(),
        };
        thread::scope(|scope| {
            scope.spawn(move || commit::write_all(self, &receiver));
            let mut feed = Feed::new(self, stop, sender.clone());
            transcribe_all(engine, &mut feed, &mut |event| self.hear(event, &made_by, &sender), stop);
            // Again: a process that was killed in the middle of a write may hold its file for a moment longer.
            feed.clean();
            // The writer ends when nobody can send any more.
            drop(feed);
            drop(sender);
        });
    }

    fn hear(&self, event: Event, made_by: &MadeBy, work: &SyncSender<Work>) {
        match event {
            Event::Begun { .. } => {}
            Event::Progress { id, audio_seconds, bytes_read } => {
                self.watcher.notice(id, Notice::Heard { audio_seconds, bytes_read });
            }
            Event::Failed { id, failure } => self.watcher.notice(id, Notice::Failed { failure: &failure }),
            Event::Done { id, result } => {
                let Some(item) = self.items.get(id) else { return };
                // Without folders: the same recording gives the same transcript wherever it lies.
                let name =
                    item.name.file_name().unwrap_or(item.name.as_os_str()).to_string_lossy().into_owned();
                let transcript = made_by.transcript(name, &item.overrides, result);
                // The writer goes only after this sender has: the work arrives.
                let _ = work.send(Work { id, transcript, formats: self.formats.to_vec(), rendered: false });
            }
        }
    }
}
