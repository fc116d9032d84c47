//! The engine as a process: started by a supervisor, talks to it over one socket, and does nothing else.
//!
//! The supervisor may kill it at any moment; when the supervisor is gone, it goes as well.

mod faults;
mod inbox;
mod outbox;
pub(crate) mod sandbox;

use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use self::faults::Faults;
use self::outbox::Outbox;
use crate::load::EngineError;
use verbatim_protocol as protocol;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_protocol::{FromEngine, MAX_TO_ENGINE, ProtocolError, Ready, SOCKET, STATS_INTERVAL, ToEngine};

/// Exit code when there is no supervisor to talk to, or none that makes sense (sysexits' `EX_PROTOCOL`).
pub const NO_SUPERVISOR: u8 = 76;

/// Files that wait in the engine, at most: more than a supervisor ever hands over before it hears of them.
const FILES: usize = 256;

/// Makes a transcriber within this process.
pub type Load = fn(&EngineOptions) -> Result<Box<dyn Transcriber>, EngineError>;

/// Why the engine has nobody to work for.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("this command is started by verbatim itself: descriptor {SOCKET} is not a socket")]
    NoSocket,
    #[error("failed to hear from the supervisor")]
    Supervisor(#[from] ProtocolError),
    #[error("the supervisor speaks version {0} of the protocol, the engine version {ours}", ours = protocol::VERSION)]
    Version(u32),
    #[error("the supervisor did not begin with what to load")]
    NotStart,
}

/// Takes away from this process what an engine has no use for, for good: network, programs, writing. Gives what was taken
/// away, in words; what this kernel or container does not allow is left. Sockets beyond the third descriptor are
/// closed, and only the calling thread and those that it starts are confined.
pub fn confine() -> Vec<String> {
    sandbox::enter()
}

/// The engine's life, from its first message to its last.
pub fn main(load: Load) -> ExitCode {
    match live(load) {
        Ok(()) => ExitCode::SUCCESS,
        Err(lost) => {
            // The supervisor keeps the last lines of standard error, and a person who types the command sees it.
            eprintln!("verbatim engine: {}", verbatim_text::error_chain(&lost));
            ExitCode::from(NO_SUPERVISOR)
        }
    }
}

fn live(load: Load) -> Result<(), Lost> {
    let socket = socket().ok_or(Lost::NoSocket)?;
    let sandbox = confine();
    let started = Instant::now();
    let outbox = Outbox::new(socket.try_clone().map_err(ProtocolError::Socket)?);
    outbox.send(&FromEngine::Hello { version: protocol::VERSION, sandbox })?;
    let options = match protocol::receive(&socket, MAX_TO_ENGINE)? {
        ToEngine::Start { version: protocol::VERSION, options } => options,
        ToEngine::Start { version, .. } => return Err(Lost::Version(version)),
        _ => return Err(Lost::NotStart),
    };
    let mut engine = match load(&options) {
        Ok(engine) => engine,
        Err(error) => {
            let message = verbatim_text::error_chain(&error);
            let obstacle = error.obstacle();
            return Ok(outbox.send(&FromEngine::Unready { obstacle, message })?);
        }
    };
    outbox.send(&FromEngine::Ready(Ready {
        model: engine.model(),
        language: engine.language(),
        description: engine.describe(),
        load_seconds: started.elapsed().as_secs_f64(),
    }))?;
    work(engine.as_mut(), socket, &Arc::new(outbox));
    // Nothing is left to do, and taking sessions apart takes longer than the kernel takes to free them.
    std::process::exit(0)
}

/// Transcribes what comes in, until the supervisor says that there is no more.
fn work(engine: &mut dyn Transcriber, socket: UnixStream, outbox: &Arc<Outbox>) {
    let controls = engine.controls();
    let (sender, files) = crossbeam_channel::bounded(FILES);
    let faults = Arc::new(Faults::default());
    {
        let controls = Arc::clone(&controls);
        let faults = Arc::clone(&faults);
        thread::spawn(move || inbox::listen(&socket, sender, &controls, &faults));
    }
    {
        let (controls, outbox) = (Arc::clone(&controls), Arc::clone(outbox));
        thread::spawn(move || {
            loop {
                thread::sleep(STATS_INTERVAL);
                outbox.tell(&FromEngine::Stats(controls.stats()));
            }
        });
    }
    let mut on_event = |event| {
        let strike = faults.strike(&event);
        outbox.event(event);
        if let Some(fault) = strike {
            faults::suffer(fault, outbox);
        }
    };
    engine.transcribe(files, &mut on_event, &AtomicBool::new(false));
    outbox.tell(&FromEngine::Stats(controls.stats()));
}

/// The socket that the supervisor left in this process.
fn socket() -> Option<UnixStream> {
    let kind = nix::sys::stat::fstat(sandbox::borrowed(SOCKET)).ok()?.st_mode & libc::S_IFMT;
    // SAFETY: the descriptor is open, and nobody else in this process has it: it came with the process.
    (kind == libc::S_IFSOCK).then(|| unsafe { UnixStream::from_raw_fd(SOCKET) })
}
