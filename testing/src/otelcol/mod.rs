//! A real OTLP receiver: an OpenTelemetry Collector that writes the received spans to a file.

pub mod span;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

pub use self::span::{Span, broken};
use crate::process::{OwnedProcess, free_port};

/// Longest time for the collector to listen. It takes half a second, but many times that on a machine that
/// compiles at the same time.
const READY: Duration = Duration::from_secs(60);
/// Polling interval.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Longest time for sent spans to arrive.
const ARRIVE: Duration = Duration::from_secs(60);
/// Number of ports to try: another test can take a free one before the collector binds it.
const PORTS: usize = 5;

/// Running collector owned by one test. Dropping it stops it and deletes its spans.
#[derive(Debug)]
pub struct Collector {
    /// First, so that it ends before its folder is removed.
    _process: OwnedProcess,
    port: u16,
    folder: TempDir,
}

/// Error of starting a collector.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program cannot be run.
    #[error("failed to run otelcol: {0} (scripts/setup.sh otelcol builds it)")]
    Run(#[from] io::Error),
    /// The collector exited at once on every port.
    #[error("otelcol ended before it listened, on {PORTS} ports: {0}")]
    Ended(String),
    /// The collector did not listen in time.
    #[error("otelcol did not listen within {READY:?}: {0}")]
    NotListening(String),
}

impl Collector {
    /// Starts a collector on a free port of the loopback, and waits until it listens.
    ///
    /// # Errors
    /// The collector cannot be started.
    pub fn start() -> Result<Self, StartError> {
        let folder = TempDir::with_prefix("verbatim-otelcol-")?;
        let log = folder.path().join("log");
        let log_text = || std::fs::read_to_string(&log).unwrap_or_default();
        for _ in 0..PORTS {
            let port = free_port()?;
            let config = json!({
                "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": format!("127.0.0.1:{port}")}}}},
                "exporters": {"lines": {"path": folder.path().join("spans")}},
                "service": {
                    "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
                    "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["lines"]}},
                },
            });
            let mut command = Command::new("otelcol");
            command.arg(format!("--config=yaml:{config}"));
            let process = OwnedProcess::start_logged(&command, &log)?;
            let begun = Instant::now();
            while process.runs() {
                let address = SocketAddr::from(([127, 0, 0, 1], port));
                if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() && process.runs() {
                    return Ok(Self { _process: process, port, folder });
                }
                if begun.elapsed() > READY {
                    return Err(StartError::NotListening(log_text()));
                }
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        Err(StartError::Ended(log_text()))
    }

    /// Address for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Spans received so far.
    ///
    /// # Errors
    /// The collector's file holds something other than a span.
    pub fn spans(&self) -> Result<Vec<Span>, serde_json::Error> {
        let path: PathBuf = self.folder.path().join("spans");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // A line without a line break is still being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut spans = Vec::new();
        for line in whole.lines() {
            spans.extend(span::read(line)?);
        }
        Ok(spans)
    }

    /// Spans received so far, by trace.
    ///
    /// # Errors
    /// The collector's file holds something other than a span.
    pub fn traces(&self) -> Result<BTreeMap<String, Vec<Span>>, serde_json::Error> {
        let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in self.spans()? {
            traces.entry(span.trace.clone()).or_default().push(span);
        }
        Ok(traces)
    }

    /// Waits until the received spans satisfy `holds`, and returns them; none if they do not in time.
    ///
    /// # Errors
    /// The collector's file holds something other than a span.
    pub fn until(&self, holds: impl Fn(&[Span]) -> bool) -> Result<Option<Vec<Span>>, serde_json::Error> {
        let begun = Instant::now();
        loop {
            let spans = self.spans()?;
            if holds(&spans) {
                return Ok(Some(spans));
            }
            if begun.elapsed() > ARRIVE {
                return Ok(None);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
