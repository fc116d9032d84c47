//! A real S3 server: versitygw on a temporary folder.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use tempfile::TempDir;

use crate::process::{OwnedProcess, free_port};

/// Longest time for the server to answer. It takes 0.1 s, but may take many times that on a machine that
/// compiles at the same time.
const READY: Duration = Duration::from_secs(30);
/// Interval between two readiness checks.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Bytes of free memory required to hold the objects in memory: several times what any test writes.
const IN_MEMORY: u64 = 4 << 30;
/// Number of ports to try: another test can take a free one before the server binds it.
const PORTS: usize = 5;

/// Running server owned by one test. Dropping it stops it and deletes its objects.
#[derive(Debug)]
pub struct VersityGw {
    /// First, so that it ends before its folders are removed.
    process: OwnedProcess,
    port: u16,
    tls: bool,
    folder: TempDir,
}

/// Error of starting a server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program cannot be run.
    #[error("failed to run versitygw: {0} (scripts/setup.sh versitygw builds it)")]
    Run(#[source] io::Error),
    /// A folder cannot be created.
    #[error("failed to make a folder for the server")]
    Folder(#[source] io::Error),
    /// The server exited at once on every port.
    #[error("versitygw ended before it answered, on {PORTS} ports")]
    Ended,
    /// The server did not answer in time.
    #[error("versitygw did not answer within {READY:?}")]
    NotListening,
}

/// Certificate and private key, both as PEM files.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// Certificate.
    pub certificate: &'a Path,
    /// Private key.
    pub key: &'a Path,
}

impl VersityGw {
    /// Access key of the only account, which has every permission.
    pub const ACCESS_KEY: &'static str = "verbatim-tests";
    /// Secret key of the account.
    pub const SECRET_KEY: &'static str = "verbatim-tests-secret";
    /// Region of the server.
    pub const REGION: &'static str = "us-east-1";

    /// Starts a server on a free port of the loopback, and waits until it answers.
    ///
    /// # Errors
    /// The server cannot be started.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(None)
    }

    /// Same as [`VersityGw::start`], with TLS and this certificate.
    ///
    /// # Errors
    /// The server cannot be started.
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
                // Only this server answers at this path, not another one that took the port.
                .args(["--health", &health(port)]);
            if let Some(Certificate { certificate, key }) = certificate {
                command.arg("--cert").arg(certificate).arg("--key").arg(key);
            }
            command
                .args(["posix", "--sidecar"])
                .arg(folder.path().join("meta"))
                .arg(folder.path().join("data"));
            let process = OwnedProcess::start(&command).map_err(StartError::Run)?;
            if wait(&process, port, certificate.is_some())? {
                return Ok(Self { process, port, tls: certificate.is_some(), folder });
            }
        }
        Err(StartError::Ended)
    }

    /// Address: `http://127.0.0.1:PORT`, or with `https` for TLS.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Creates a bucket, which is a folder to this server.
    ///
    /// # Errors
    /// The bucket already exists, or the disk is full.
    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        std::fs::create_dir(self.folder.path().join("data").join(name))
    }

    /// Folder of the buckets, each a folder in it, to inspect what a test has left.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }
}

/// Creates a folder, in memory if there is enough: this server syncs its writes to the disk, and removing
/// thousands of such files from a disk takes longer than the tests themselves.
fn folder() -> io::Result<TempDir> {
    const PREFIX: &str = "verbatim-versitygw-";
    let memory = Path::new("/dev/shm");
    let free = statvfs(memory).map_or(0, |disk| disk.blocks_available() * disk.fragment_size());
    if free < IN_MEMORY { TempDir::with_prefix(PREFIX) } else { TempDir::with_prefix_in(PREFIX, memory) }
}

fn health(port: u16) -> String {
    format!("/health-{}-{port}", std::process::id())
}

/// Waits until the server answers; returns false if it exits first.
fn wait(process: &OwnedProcess, port: u16, tls: bool) -> Result<bool, StartError> {
    let begun = Instant::now();
    while begun.elapsed() < READY {
        if !process.runs() {
            return Ok(false);
        }
        if answers(port, tls).unwrap_or(false) {
            return Ok(true);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Err(StartError::NotListening)
}

fn answers(port: u16, tls: bool) -> io::Result<bool> {
    let mut connection =
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(1))?;
    if tls {
        // Whatever has the port speaks TLS, so a listening port has to suffice.
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
