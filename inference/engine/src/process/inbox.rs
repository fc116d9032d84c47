//! What the supervisor says, on a thread of its own.

use std::os::unix::net::UnixStream;

use crossbeam_channel::Sender;

use super::NO_SUPERVISOR;
use super::faults::Faults;
use verbatim_protocol as protocol;
use verbatim_protocol::controls::Controls;
use verbatim_protocol::task::FileTask;
use verbatim_protocol::{MAX_TO_ENGINE, ToEngine};

/// Listens until there are no more files: `files` is closed then. A supervisor that is gone or makes no sense ends the
/// process: nobody wants what it does.
pub(super) fn listen(socket: &UnixStream, files: Sender<FileTask>, controls: &Controls, faults: &Faults) {
    let mut open = Some(files);
    loop {
        match protocol::receive(socket, MAX_TO_ENGINE) {
            Ok(ToEngine::File(task)) => {
                faults.plan(&task);
                // A pipeline that is at its end takes no more; the supervisor sees the exit.
                let sent = open.as_ref().map(|files| files.send(task));
                if !matches!(sent, Some(Ok(()))) {
                    return;
                }
            }
            Ok(ToEngine::Budget { max_padded_seconds }) => {
                controls.set_max_padded_seconds(max_padded_seconds)
            }
            Ok(ToEngine::Drain) => open = None,
            Ok(ToEngine::Start { .. }) => std::process::exit(i32::from(NO_SUPERVISOR)),
            Err(error) => {
                if !matches!(error, protocol::ProtocolError::Closed) {
                    eprintln!("verbatim engine: {}", verbatim_text::error_chain(&error));
                }
                std::process::exit(i32::from(NO_SUPERVISOR));
            }
        }
    }
}
