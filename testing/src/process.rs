//! Child process that does not outlive its owner, however the owner ends.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Child process that is killed when this is dropped, and also when the whole process ends.
///
/// The kernel kills it when the thread that started it ends (`PR_SET_PDEATHSIG`). A test's own thread would
/// end too soon for a server that several tests share, so each child has a dedicated thread that only waits.
#[derive(Debug)]
pub struct OwnedProcess {
    id: u32,
    end: Option<mpsc::Sender<()>>,
    guard: Option<JoinHandle<io::Result<()>>>,
}

impl OwnedProcess {
    /// Starts `command` under util-linux's `setpriv`, which requests the signal from the kernel and then
    /// execs the command.
    ///
    /// # Errors
    /// The program or `setpriv` is missing.
    pub fn start(command: &Command) -> io::Result<Self> {
        Self::start_into(command, Stdio::null())
    }

    /// Same as [`OwnedProcess::start`], with the standard error appended to the file `log`.
    ///
    /// # Errors
    /// The program or `setpriv` is missing, or the file cannot be written.
    pub fn start_logged(command: &Command, log: &Path) -> io::Result<Self> {
        Self::start_into(command, OpenOptions::new().create(true).append(true).open(log)?.into())
    }

    fn start_into(command: &Command, log: Stdio) -> io::Result<Self> {
        // `setpriv` also reports a missing program, but only on its standard error.
        let program = find(command.get_program().to_owned())?;
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(program).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        // Its own process group, so that Ctrl-C at a terminal does not reach it, and its owner stops it.
        wrapped.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);

        let (started, starts) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let guard = std::thread::spawn(move || {
            let mut child: Child = match wrapped.spawn() {
                Ok(child) => child,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return Ok(());
                }
            };
            let _ = started.send(Ok(child.id()));
            // Returns once the owner is dropped.
            let _ = ends.recv();
            child.kill()?;
            child.wait().map(drop)
        });
        let id =
            starts.recv().map_err(|_| io::Error::other("the thread that starts the process is gone"))??;
        Ok(Self { id, end: Some(end), guard: Some(guard) })
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether the process is still running. One that has exited stays as a zombie until this is dropped.
    pub fn runs(&self) -> bool {
        runs(self.id)
    }
}

/// Whether the process exists and has not exited.
pub fn runs(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| {
        stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
    })
}

impl Drop for OwnedProcess {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(guard) = self.guard.take() {
            let _ = guard.join();
        }
    }
}

fn find(program: OsString) -> io::Result<OsString> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join(&program)).find(|path| path.is_file());
    found.map(Into::into).ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, format!("there is no {} on PATH", program.display()))
    })
}

/// Port of the loopback on which nothing listens. Another process may take it first: retry in that case.
///
/// # Errors
/// The kernel has no free port.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use super::*;

    /// Marks the run of the test below in which it starts a child process, and is killed.
    const ROLE: &str = "VERBATIM_TESTING_ID_FILE";

    #[test]
    fn a_missing_program_is_named() {
        let error = OwnedProcess::start(&Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "there is no no-such-program on PATH");
    }

    #[test]
    fn a_process_dies_with_a_killed_owner() {
        if let Some(path) = std::env::var_os(ROLE) {
            let process = OwnedProcess::start(Command::new("sleep").arg("600")).unwrap();
            let written = PathBuf::from(path);
            std::fs::write(written.with_extension("new"), process.id().to_string()).unwrap();
            std::fs::rename(written.with_extension("new"), written).unwrap();
            std::thread::park();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        let owner = OwnedProcess::start(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "process::tests::a_process_dies_with_a_killed_owner"])
                .env(ROLE, &path),
        )
        .unwrap();
        until(|| path.exists());
        let id: u32 = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        assert!(runs(id));
        drop(owner);
        until(|| !runs(id));
    }

    fn until(holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not hold within 30 s");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
