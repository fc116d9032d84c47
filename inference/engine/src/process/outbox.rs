//! What the supervisor hears, from several threads, one message at a time.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::NO_SUPERVISOR;
use verbatim_protocol as protocol;
use verbatim_protocol::event::Event;
use verbatim_protocol::{FromEngine, MAX_FROM_ENGINE, ProtocolError};

/// Least time between two tellings of one file's progress: as often as a person can follow, and far below the time
/// after which a file counts as wedged.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The way to the supervisor. Sending waits while the supervisor is busy, and so does the whole engine.
pub(super) struct Outbox {
    socket: Mutex<UnixStream>,
    told: Mutex<HashMap<usize, Instant>>,
}

impl Outbox {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket: Mutex::new(socket), told: Mutex::default() }
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &FromEngine) -> Result<(), ProtocolError> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        protocol::send(&mut *socket, message, MAX_FROM_ENGINE)
    }

    /// Sends a message; where there is nobody to hear it, the process ends.
    pub(super) fn tell(&self, message: &FromEngine) {
        if let Err(error) = self.send(message) {
            eprintln!("verbatim engine: {}", verbatim_text::error_chain(&error));
            std::process::exit(i32::from(NO_SUPERVISOR));
        }
    }

    /// Tells of an event; of progress not too often.
    pub(super) fn event(&self, event: Event) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &event {
            Event::Begun { .. } => {}
            Event::Progress { id, .. } => {
                let now = Instant::now();
                if told.get(id).is_some_and(|last| now.duration_since(*last) < PROGRESS_INTERVAL) {
                    return;
                }
                told.insert(*id, now);
            }
            Event::Done { id, .. } | Event::Failed { id, .. } => {
                told.remove(id);
            }
        }
        drop(told);
        self.tell(&FromEngine::Event(event));
    }

    /// Sends bytes that are no message.
    pub(super) fn garbage(&self) {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = socket.write_all(b"\x10\0\0\0{\"Event\": nonsense");
    }
}
