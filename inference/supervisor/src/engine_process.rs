//! Process of an engine: started with a clean environment, connected by a socket, killed or waited for.

use std::ffi::OsString;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::engine_event::EngineNumber;
use crate::stderr_tail::{self, StderrTail};
use verbatim_protocol as protocol;
use verbatim_protocol::SOCKET;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::{FromEngine, MAX_FROM_ENGINE, MAX_TO_ENGINE, ProtocolError, ToEngine};

/// Environment variables that an engine inherits: paths, settings of libraries, logging. Everything else may
/// be a credential, and stays with the supervisor.
const ENVIRONMENT: &[&str] = &[
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "GLIBC_TUNABLES",
    "RUST_BACKTRACE",
    verbatim_protocol::environment::LOG_VARIABLE,
    verbatim_protocol::environment::CACHE_VARIABLE,
    verbatim_protocol::environment::LIBRARY_VARIABLE,
    verbatim_protocol::environment::MEMORY_OFF_VARIABLE,
    verbatim_protocol::environment::TELEMETRY_OFF_VARIABLE,
    verbatim_protocol::environment::SANDBOX_OFF_VARIABLE,
];

/// Prefixes of environment variables that configure GPU libraries.
const ENVIRONMENT_PREFIXES: &[&str] = &["CUDA_", "NVIDIA_", "VERBATIM_GPU_"];

/// Longest time for a message to an engine to be sent. Messages are few, and the socket buffers 200 kB.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest time for a process to exit once it was killed or has closed its socket. The kernel takes
/// milliseconds, or more where it frees gigabytes.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between two checks whether it has exited.
const EXIT_POLL: Duration = Duration::from_millis(2);

/// A message from an engine, or the end of its messages.
#[derive(Debug)]
pub(crate) struct EngineMessage {
    /// Number of the engine.
    pub(crate) engine: EngineNumber,
    /// The message; after an error there are no more.
    pub(crate) message: Result<FromEngine, ProtocolError>,
}

/// A running engine process and its socket.
#[derive(Debug)]
pub(crate) struct EngineProcess {
    child: Child,
    socket: UnixStream,
    stderr_tail: StderrTail,
    stderr_thread: JoinHandle<()>,
}

impl EngineProcess {
    /// Starts an engine. Its messages go to `messages`; the socket's buffer and the channel's capacity hold
    /// it back.
    ///
    /// # Errors
    /// Those of the operating system: no such program, too many processes.
    pub(crate) fn start(
        program: &Path,
        engine: EngineNumber,
        options: &EngineOptions,
        messages: Sender<EngineMessage>,
    ) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        let mut command = Command::new(program);
        command.arg0("verbatim").arg("engine").env_clear().envs(environment());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let descriptor = theirs.as_raw_fd();
        // SAFETY: only async-signal-safe functions are called between fork and exec: dup2 and fcntl.
        unsafe {
            command.pre_exec(move || {
                if descriptor == SOCKET {
                    // dup2 would do nothing, and exec would close the descriptor.
                    if libc::fcntl(SOCKET, libc::F_SETFD, 0) < 0 {
                        return Err(io::Error::last_os_error());
                    }
                } else if libc::dup2(descriptor, SOCKET) < 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let mut child = command.spawn()?;
        drop(theirs);
        let (stderr_tail, stderr_thread) = stderr_tail::follow(engine, child.stderr.take());
        let reading = socket.try_clone()?;
        thread::Builder::new().name(format!("engine-{engine}")).spawn(move || {
            loop {
                let message = protocol::receive::<FromEngine>(&reading, MAX_FROM_ENGINE);
                let is_last = message.is_err();
                if messages.send(EngineMessage { engine, message }).is_err() || is_last {
                    return;
                }
            }
        })?;
        let process = Self { child, socket, stderr_tail, stderr_thread };
        // A process that has died already closes the socket, which ends its messages.
        let _ = process.send(&ToEngine::Start { version: protocol::VERSION, options: options.clone() });
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&self, message: &ToEngine) -> Result<(), ProtocolError> {
        protocol::send(&self.socket, message, MAX_TO_ENGINE)
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // The child was not waited for yet: its id cannot belong to another process.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
        }
    }

    /// Kills the process and waits for its exit. Returns its exit status and its last lines on standard
    /// error.
    pub(crate) fn kill(&mut self) -> (Option<ExitStatus>, Vec<String>) {
        let _ = self.child.kill();
        self.wait()
    }

    /// Waits for a process that is about to exit, and kills it if it does not. Returns as [`Self::kill`]
    /// does.
    pub(crate) fn wait(&mut self) -> (Option<ExitStatus>, Vec<String>) {
        let _ = self.socket.shutdown(Shutdown::Both);
        let deadline = Instant::now() + EXIT_TIMEOUT;
        let mut status = self.child.try_wait().ok().flatten();
        let mut killed = false;
        while status.is_none() && Instant::now() < deadline {
            if !killed && Instant::now() + EXIT_TIMEOUT / 2 > deadline {
                killed = self.child.kill().is_ok();
            }
            thread::sleep(EXIT_POLL);
            status = self.child.try_wait().ok().flatten();
        }
        // Its last lines are in the pipe. Another process may hold the pipe open for ever.
        while !self.stderr_thread.is_finished() && Instant::now() < deadline && status.is_some() {
            thread::sleep(EXIT_POLL);
        }
        (status, self.stderr_tail.lines())
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| {
        name.to_str().is_some_and(|name| {
            ENVIRONMENT.contains(&name) || ENVIRONMENT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        })
    })
}
