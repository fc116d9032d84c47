//! Messages to the supervisor. Several threads send, one message at a time.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use verbatim_protocol::event::Event;
use verbatim_protocol::{FromEngine, MAX_FROM_ENGINE, ProtocolError, send};

use crate::process::exit;

/// Minimum interval between two progress events of one file: as often as a person can follow, and far below
/// the time after which a file counts as wedged.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Sender of messages. Sending blocks while the supervisor is busy, and so does the whole engine.
pub(super) struct MessageSender {
    socket: Mutex<UnixStream>,
    /// Time of the last progress event, by task.
    last_progress: Mutex<HashMap<usize, Instant>>,
}

impl MessageSender {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket: Mutex::new(socket), last_progress: Mutex::default() }
    }

    /// Sends a message.
    pub(super) fn try_send(&self, message: &FromEngine) -> Result<(), ProtocolError> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        send(&mut *socket, message, MAX_FROM_ENGINE)
    }

    /// Sends a message; ends the process if that fails.
    pub(super) fn send(&self, message: &FromEngine) {
        if let Err(error) = self.try_send(message) {
            exit::print(&error);
            exit::without_supervisor();
        }
    }

    /// Sends an event; a progress event only every [`PROGRESS_INTERVAL`].
    pub(super) fn send_event(&self, event: Event) {
        let mut last_progress = self.last_progress.lock().unwrap_or_else(PoisonError::into_inner);
        match &event {
            Event::Begun { .. } => {}
            Event::Progress { id, .. } => {
                let now = Instant::now();
                if last_progress.get(id).is_some_and(|last| now.duration_since(*last) < PROGRESS_INTERVAL) {
                    return;
                }
                last_progress.insert(*id, now);
            }
            Event::Done { id, .. } | Event::Failed { id, .. } => {
                last_progress.remove(id);
            }
        }
        drop(last_progress);
        self.send(&FromEngine::Event(event));
    }

    /// Sends malformed bytes, as an injected fault.
    pub(super) fn send_malformed(&self) {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = socket.write_all(b"\x10\0\0\0{\"Event\": nonsense");
    }
}
