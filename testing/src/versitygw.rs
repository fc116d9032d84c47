//! A real S3 server: versitygw, over a temporary folder.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use tempfile::TempDir;

use crate::process::{Kept, free_port};

/// Until it must answer. It takes 0.1 s; a machine that compiles at the same time may take many times that.
const READY: Duration = Duration::from_secs(30);
/// Between two questions whether it is ready.
const ASK: Duration = Duration::from_millis(20);
/// Bytes that memory must have free to hold the objects: several times what any test writes.
const IN_MEMORY: u64 = 4 << 30;
/// Ports that are tried: a free one can be taken by another test before the server binds it.
const PORTS: usize = 5;

/// A running server of its own. It ends, and its objects go, when this is dropped.
#[derive(Debug)]
pub struct VersityGw {
    /// First, so that it ends before its folders go.
    process: Kept,
    port: u16,
    tls: bool,
    folder: TempDir,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program cannot be run.
    #[error("failed to run versitygw: {0} (scripts/setup.sh versitygw builds it)")]
    Run(#[source] io::Error),
    /// A folder cannot be made.
    #[error("failed to make a folder for the server")]
    Folder(#[source] io::Error),
    /// It ended at once on every port.
    #[error("versitygw ended before it answered, on {PORTS} ports")]
    Ended,
    /// It did not answer in time.
    #[error("versitygw did not answer within {READY:?}")]
    Silent,
}

/// A certificate and its key, both PEM files.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// The certificate.
    pub certificate: &'a Path,
    /// Its private key.
    pub key: &'a Path,
}

impl VersityGw {
    /// The access key of the one account, which may do everything.
    pub const ACCESS_KEY: &'static str = "verbatim-tests";
    /// Its secret key.
    pub const SECRET_KEY: &'static str = "verbatim-tests-secret";
    /// Its region.
    pub const REGION: &'static str = "us-east-1";

    /// Starts a server on a free port of the loopback, and waits until it answers.
    ///
    /// # Errors
    /// Why there is no server.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(None)
    }

    /// The same, but it speaks TLS with this certificate.
    ///
    /// # Errors
    /// Why there is no server.
    pub fn start_tls(certificate: Certificate<'_>) -> Result<Self, StartError> {
        Self::start_with(Some(certificate))
    }

    fn start_with(certificate: Option<Certificate<'_>>) -> Result<Self, StartError> {
        let folder = folder().map_err(StartError::Folder)?;
        for name in ["data", "meta"] {
            std::fs::create_dir(folder.path().join(name)).map_err(StartError::Folder)?;
        }
        for _ in 0..PORTS {
            let port = free_port().map_err(StartError::Run)?;
            let mut command = Command::new("versitygw");
            command
                .env("ROOT_ACCESS_KEY", Self::ACCESS_KEY)
                .env("ROOT_SECRET_KEY", Self::SECRET_KEY)
                .args(["--port", &format!("127.0.0.1:{port}"), "--region", Self::REGION, "--quiet"])
                // Only this server answers here: another one that took the port does not.
                .args(["--health", &health(port)]);
            if let Some(Certificate { certificate, key }) = certificate {
                command.arg("--cert").arg(certificate).arg("--key").arg(key);
            }
            command
                .args(["posix", "--sidecar"])
                .arg(folder.path().join("meta"))
                .arg(folder.path().join("data"));
            let process = Kept::start(&command).map_err(StartError::Run)?;
            if wait(&process, port, certificate.is_some())? {
                return Ok(Self { process, port, tls: certificate.is_some(), folder });
            }
        }
        Err(StartError::Ended)
    }

    /// Its address, as `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Its port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Makes a bucket: a folder is one to this server.
    ///
    /// # Errors
    /// The bucket is there already, or the disk is full.
    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        std::fs::create_dir(self.folder.path().join("data").join(name))
    }

    /// The folder with a folder for each bucket: for looking at what a test has left.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }
}

/// A folder in memory where there is enough: this server writes through to the disk, and removing thousands
/// of such files from one takes longer than the tests themselves.
fn folder() -> io::Result<TempDir> {
    const PREFIX: &str = "verbatim-versitygw-";
    let memory = Path::new("/dev/shm");
    let free = statvfs(memory).map_or(0, |disk| disk.blocks_available() * disk.fragment_size());
    if free < IN_MEMORY { TempDir::with_prefix(PREFIX) } else { TempDir::with_prefix_in(PREFIX, memory) }
}

fn health(port: u16) -> String {
    format!("/health-{}-{port}", std::process::id())
}

/// Waits until the server answers; false where it ended instead.
fn wait(process: &Kept, port: u16, tls: bool) -> Result<bool, StartError> {
    let begun = Instant::now();
    while begun.elapsed() < READY {
        if !process.runs() {
            return Ok(false);
        }
        if answers(port, tls).unwrap_or(false) {
            return Ok(true);
        }
        std::thread::sleep(ASK);
    }
    Err(StartError::Silent)
}

fn answers(port: u16, tls: bool) -> io::Result<bool> {
    let mut connection =
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(1))?;
    if tls {
        // Whoever has the port speaks TLS: that it listens must do.
        return Ok(true);
    }
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(connection, "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", health(port))?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_and_leaves_nothing_behind() {
        let server = VersityGw::start().unwrap();
        server.create_bucket("recordings").unwrap();
        let (id, port, data) = (server.id(), server.port(), server.data());
        assert!(answers(port, false).unwrap());
        assert!(data.join("recordings").is_dir());

        drop(server);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
        assert!(!data.exists());
        assert!(answers(port, false).is_err());
    }

    #[test]
    fn a_server_outlives_the_thread_that_started_it() {
        let server = std::thread::spawn(|| VersityGw::start().unwrap()).join().unwrap();
        assert!(answers(server.port(), false).unwrap());
    }
}
