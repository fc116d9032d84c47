//! An engine's process: started with a clean environment, spoken to over a socket, ended.

use std::ffi::OsString;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::observe::EngineNumber;
use super::tail::{self, Tail};
use verbatim_protocol as protocol;
use verbatim_protocol::SOCKET;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::{FromEngine, MAX_FROM_ENGINE, MAX_TO_ENGINE, ProtocolError, ToEngine};

/// What an engine gets of the environment: where things are, how libraries are set up, how it logs. Everything else may
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

/// Beginnings of names that GPU libraries are set up with.
const ENVIRONMENT_PREFIXES: &[&str] = &["CUDA_", "NVIDIA_", "VERBATIM_GPU_"];

/// How long an engine may take nothing that is said to it. Little is ever said, and the socket holds 200 kB.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a process may take to end once it was killed or has closed its socket; the kernel takes milliseconds, more
/// where it has gigabytes to free.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks at whether it has.
const END_POLL: Duration = Duration::from_millis(2);

/// Something that an engine said, or that it will say no more.
#[derive(Debug)]
pub(super) struct Said {
    /// Who.
    pub(super) engine: EngineNumber,
    /// What; an error is the last that is heard.
    pub(super) what: Result<FromEngine, ProtocolError>,
}

/// A process.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    socket: UnixStream,
    tail: Tail,
    errors: JoinHandle<()>,
}

impl Child {
    /// Starts an engine. What it says goes to `said`, where the socket's buffer and the channel's bound make it wait.
    ///
    /// # Errors
    /// The system's: no more processes, no such program.
    pub(super) fn start(
        program: &Path,
        engine: EngineNumber,
        options: &EngineOptions,
        said: Sender<Said>,
    ) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        let mut command = Command::new(program);
        command.arg0("verbatim").arg("engine").env_clear().envs(environment());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let descriptor = theirs.as_raw_fd();
        // SAFETY: between fork and exec only async-signal-safe calls are made: dup2 and fcntl.
        unsafe {
            command.pre_exec(move || {
                if descriptor == SOCKET {
                    // dup2 would do nothing, and leave it to be closed.
                    if libc::fcntl(SOCKET, libc::F_SETFD, 0) < 0 {
                        return Err(io::Error::last_os_error());
                    }
                } else if libc::dup2(descriptor, SOCKET) < 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let mut process = command.spawn()?;
        drop(theirs);
        let (tail, errors) = tail::follow(engine, process.stderr.take());
        let reading = socket.try_clone()?;
        thread::Builder::new().name(format!("engine-{engine}")).spawn(move || {
            loop {
                let what = protocol::receive::<FromEngine>(&reading, MAX_FROM_ENGINE);
                let over = what.is_err();
                if said.send(Said { engine, what }).is_err() || over {
                    return;
                }
            }
        })?;
        let child = Self { process, socket, tail, errors };
        // It reads this when it is there; a process that died already is found out by its silence.
        let _ = child.send(&ToEngine::Start { version: protocol::VERSION, options: options.clone() });
        Ok(child)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Says something to it.
    pub(super) fn send(&self, message: &ToEngine) -> Result<(), ProtocolError> {
        protocol::send(&self.socket, message, MAX_TO_ENGINE)
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: nix::sys::signal::Signal) {
        if let Ok(pid) = i32::try_from(self.process.id()) {
            // It is ours and not waited for yet: the id cannot be another's.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
        }
    }

    /// Ends it now, and waits for the end: how it ended, and its last words.
    pub(super) fn kill(&mut self) -> (Option<ExitStatus>, Vec<String>) {
        let _ = self.process.kill();
        self.end()
    }

    /// Waits for a process that is at its end; one that is not is killed.
    pub(super) fn end(&mut self) -> (Option<ExitStatus>, Vec<String>) {
        let _ = self.socket.shutdown(Shutdown::Both);
        let deadline = Instant::now() + END_TIMEOUT;
        let mut status = self.process.try_wait().ok().flatten();
        let mut killed = false;
        while status.is_none() && Instant::now() < deadline {
            if !killed && Instant::now() + END_TIMEOUT / 2 > deadline {
                killed = self.process.kill().is_ok();
            }
            thread::sleep(END_POLL);
            status = self.process.try_wait().ok().flatten();
        }
        // Its last words are in the pipe; something else may hold the pipe open for ever.
        while !self.errors.is_finished() && Instant::now() < deadline && status.is_some() {
            thread::sleep(END_POLL);
        }
        (status, self.tail.lines())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
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
