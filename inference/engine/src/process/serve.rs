//! Main function of the engine process: handshake, loading, transcription.

use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use verbatim_protocol as protocol;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::{
    FromEngine, LoadedModel, MAX_TO_ENGINE, ProtocolError, SOCKET, STATS_INTERVAL, ToEngine, VERSION,
};

use crate::load::EngineError;
use crate::process::exit::{self, NO_SUPERVISOR};
use crate::process::inject::{PendingFaults, inject};
use crate::process::receive::receive_messages;
use crate::process::sandbox;
use crate::process::send::MessageSender;

/// Capacity of the channel of files: more than a supervisor hands over before it waits for an event.
const FILES: usize = 256;

/// Function that loads a transcriber in this process.
pub type Load = fn(&EngineOptions) -> Result<Box<dyn Transcriber>, EngineError>;

/// Lack of a usable supervisor.
#[derive(Debug, thiserror::Error)]
enum SupervisorError {
    #[error("descriptor {SOCKET} is not a socket: this command is for verbatim's own use")]
    NoSocket,
    #[error("failed to exchange messages with the supervisor")]
    Protocol(#[from] ProtocolError),
    #[error("the supervisor speaks version {0} of the protocol, the engine version {VERSION}")]
    Version(u32),
    #[error("the supervisor did not send the start message first")]
    NotStart,
}

/// Runs the engine process from its first message to its last.
pub fn main(load: Load) -> ExitCode {
    match serve(load) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            exit::print(&error);
            ExitCode::from(NO_SUPERVISOR)
        }
    }
}

fn serve(load: Load) -> Result<(), SupervisorError> {
    let socket = socket().ok_or(SupervisorError::NoSocket)?;
    let sandbox = sandbox::enter();
    let started = Instant::now();
    let sender = MessageSender::new(socket.try_clone().map_err(ProtocolError::Socket)?);
    sender.try_send(&FromEngine::Hello { version: VERSION, sandbox })?;
    let options = match protocol::receive(&socket, MAX_TO_ENGINE)? {
        ToEngine::Start { version: VERSION, options } => options,
        ToEngine::Start { version, .. } => return Err(SupervisorError::Version(version)),
        _ => return Err(SupervisorError::NotStart),
    };
    let mut engine = match load(&options) {
        Ok(engine) => engine,
        Err(error) => {
            let (kind, message) = (error.kind(), verbatim_text::error_chain(&error));
            return Ok(sender.try_send(&FromEngine::LoadFailed { kind, message })?);
        }
    };
    sender.try_send(&FromEngine::Ready(LoadedModel {
        model: engine.model(),
        language: engine.language(),
        description: engine.describe(),
        load_seconds: started.elapsed().as_secs_f64(),
    }))?;
    transcribe(engine.as_mut(), socket, &Arc::new(sender));
    // Exits without dropping the sessions, which would take longer than the kernel takes to free the memory.
    std::process::exit(0)
}

/// Transcribes files until the supervisor drains the engine.
fn transcribe(engine: &mut dyn Transcriber, socket: UnixStream, sender: &Arc<MessageSender>) {
    let handle = engine.handle();
    let (files_sender, files) = crossbeam_channel::bounded(FILES);
    let faults = Arc::new(PendingFaults::default());
    {
        let (handle, faults) = (Arc::clone(&handle), Arc::clone(&faults));
        thread::spawn(move || receive_messages(&socket, files_sender, &handle, &faults));
    }
    {
        let (handle, sender) = (Arc::clone(&handle), Arc::clone(sender));
        thread::spawn(move || {
            loop {
                thread::sleep(STATS_INTERVAL);
                sender.send(&FromEngine::Stats(handle.stats()));
            }
        });
    }
    let mut on_event = |event| {
        let fault = faults.fault_at(&event);
        sender.send_event(event);
        if let Some(fault) = fault {
            inject(fault, sender);
        }
    };
    engine.transcribe(files, &mut on_event, &AtomicBool::new(false));
    sender.send(&FromEngine::Stats(handle.stats()));
}

/// Socket that the supervisor passed to this process.
fn socket() -> Option<UnixStream> {
    let kind = nix::sys::stat::fstat(sandbox::borrowed(SOCKET)).ok()?.st_mode & libc::S_IFMT;
    // SAFETY: the descriptor is open, and nothing else in this process owns it: it came with the process.
    (kind == libc::S_IFSOCK).then(|| unsafe { UnixStream::from_raw_fd(SOCKET) })
}
