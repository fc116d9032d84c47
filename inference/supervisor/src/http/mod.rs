//! HTTP server of the worker: metrics, health and status. Read-only.
//!
//! - [`serve`]: binds, and answers on a thread of its own until the [`Server`] is dropped;
//! - `address`: parses the address to listen on;
//! - [`JobProgressSlot`]: the source of the whole job's progress;
//! - `routes`: the responses.

mod address;
mod error;
mod job_progress;
mod routes;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, rt, web};

pub use self::error::HttpError;
pub use self::job_progress::{CachedJobProgress, JobProgressError, JobProgressSlot, JobProgressSource};
use crate::metrics::Metrics;
use crate::status::StatusTracker;

/// Most connections at once: a scraper, the kubelet's probes, the operator and some people. Others wait.
const CONNECTIONS: usize = 32;

/// Time for a whole request to arrive, and for the next one on the same connection. It is short, so that idle
/// clients cannot hold all connections; scrapers that have to reconnect for each scrape lose next to nothing.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for a client to close its side, when no more data is expected.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A running server. It stops when this is dropped, without waiting for clients.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Address that it listens on, with the actual port if port 0 was requested.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent at once; the returned future only waits for its completion, as the thread does.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // The thread has logged any error.
            let _ = thread.join();
        }
    }
}

/// Listens on `address`: `HOST:PORT`, or a port such as `9090` or `:9090`, which means this machine only; for
/// all interfaces write `0.0.0.0:9090` or `[::]:9090`. Port 0 takes any free port. There is neither
/// encryption nor authentication, and `/status` and `/job` contain file names: anybody who reaches the port
/// can read them.
///
/// # Errors
/// [`HttpError`], at once, if it cannot listen there.
pub fn serve(
    address: &str,
    metrics: Arc<Metrics>,
    status: Arc<StatusTracker>,
    job: Arc<JobProgressSlot>,
) -> Result<Server, HttpError> {
    let listener = address::listen(address)?;
    let bound = listener.local_addr().map_err(HttpError::Start)?;
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || {
            if let Err(error) = rt::System::new().block_on(run(listener, metrics, status, job, &sender)) {
                tracing::error!(%error, "the HTTP server failed");
            }
        })
        .map_err(HttpError::Start)?;
    // The thread ends without a handle if it fails, and logs why.
    let handle = receiver.recv().map_err(|_| HttpError::Start(io::Error::other("its thread has ended")))?;
    Ok(Server { address: bound, handle, thread: Some(thread) })
}

async fn run(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    status: Arc<StatusTracker>,
    job: Arc<JobProgressSlot>,
    sender: &mpsc::Sender<ServerHandle>,
) -> io::Result<()> {
    let (metrics, status, job) = (web::Data::from(metrics), web::Data::from(status), web::Data::from(job));
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(status.clone())
            .app_data(job.clone())
            .wrap(routes::headers())
            .configure(routes::configure)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .worker_max_blocking_threads(1)
        .max_connections(CONNECTIONS)
        .keep_alive(REQUEST_TIMEOUT)
        .client_request_timeout(REQUEST_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // The supervisor handles signals.
        .disable_signals()
        .listen(listener)?
        .run();
    // The caller may be gone: then the server ends soon, too.
    let _ = sender.send(server.handle());
    server.await
}

#[cfg(test)]
mod tests;
