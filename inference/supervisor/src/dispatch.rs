//! Dispatch of files to the current engine, and their return when the run is stopped.

use std::collections::HashMap;
use std::time::Instant;

use crate::decide::{FileQueue, NextFile};
use crate::engine::FileInFlight;
use crate::supervisor::Supervisor;
use crate::transcribe_call::{PendingFile, TranscribeCall};
use verbatim_protocol::ToEngine;

impl Supervisor {
    /// Sends files to the current engine, as many as it takes. Returns whether it would take more than there
    /// are.
    pub(crate) fn dispatch_files(&mut self, call: &mut TranscribeCall<'_>) -> bool {
        let window = self.options.threads.max(2);
        let (max_files, max_in_flight) = (self.policy.max_files, self.policy.max_in_flight);
        let Some(current) = self.fleet.current() else { return false };
        let draining: usize =
            self.fleet.iter().filter(|engine| engine.number != current).map(|e| e.files.len()).sum();
        let Some(engine) = self.fleet.get_mut(current).filter(|engine| engine.takes_files()) else {
            return false;
        };
        loop {
            let full = engine.files_not_begun() >= window
                || max_in_flight.is_some_and(|most| engine.files.len() + draining >= most.max(1))
                || (max_files > 0 && engine.files_sent >= max_files);
            if full {
                return false;
            }
            let id = match call.queue.next(engine.files.len()) {
                NextFile::Fresh(id) | NextFile::Alone(id) => id,
                NextFile::Wait => return false,
                NextFile::Empty => return call.more.is_some(),
            };
            let Some(file) = call.files.get(&id) else { continue };
            let bytes = std::fs::metadata(&file.task.path).map_or(0, |metadata| metadata.len());
            // An engine that does not receive it is killed for its silence, and the file runs again.
            let _ = engine.process.send(&ToEngine::File(file.task.clone()));
            let now = Instant::now();
            engine.files_sent += 1;
            engine.files.insert(id, FileInFlight { sent: now, begun: None, last_event: now, bytes });
        }
    }

    /// Stops accepting tasks, and answers files that no engine has with Interrupted.
    pub(crate) fn return_waiting_files(&self, call: &mut TranscribeCall<'_>) {
        let mut in_flight: HashMap<usize, PendingFile> = HashMap::new();
        for id in self.fleet.iter().flat_map(|engine| engine.files.keys()) {
            in_flight.extend(call.files.remove(id).map(|file| (*id, file)));
        }
        call.interrupt_all();
        call.files = in_flight;
        call.queue = FileQueue::default();
    }

    /// Kills engines with files in flight, whose results are no longer wanted.
    pub(crate) fn kill_busy_engines(&mut self) {
        let busy: Vec<_> = self.fleet.iter().filter(|e| !e.files.is_empty()).map(|e| e.number).collect();
        for number in busy {
            let Some(mut engine) = self.fleet.remove(number) else { continue };
            let (status, _) = engine.process.kill();
            self.report_exit(&engine, status);
        }
    }
}
