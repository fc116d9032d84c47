//! Thread that receives the supervisor's messages.

use std::os::unix::net::UnixStream;

use crossbeam_channel::Sender;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::task::FileTask;
use verbatim_protocol::{MAX_TO_ENGINE, ProtocolError, ToEngine, receive};

use crate::process::exit;
use crate::process::inject::PendingFaults;

/// Handles messages until the pipeline takes no more files. Closes `files` when the supervisor drains the
/// engine. Ends the process if the supervisor is gone or violates the protocol, because nobody waits for
/// results then.
pub(super) fn receive_messages(
    socket: &UnixStream,
    files: Sender<FileTask>,
    handle: &EngineHandle,
    faults: &PendingFaults,
) {
    let mut files = Some(files);
    loop {
        match receive(socket, MAX_TO_ENGINE) {
            Ok(ToEngine::File(task)) => {
                faults.add(&task);
                // A pipeline at its end takes no more files; the supervisor sees the exit.
                let sent = files.as_ref().map(|files| files.send(task));
                if !matches!(sent, Some(Ok(()))) {
                    return;
                }
            }
            Ok(ToEngine::Budget { max_padded_seconds }) => handle.set_max_padded_seconds(max_padded_seconds),
            Ok(ToEngine::Drain) => files = None,
            Ok(ToEngine::Start { .. }) => exit::without_supervisor(),
            Err(error) => {
                if !matches!(error, ProtocolError::Closed) {
                    exit::print(&error);
                }
                exit::without_supervisor();
            }
        }
    }
}
