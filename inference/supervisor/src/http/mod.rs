//! The worker's HTTP server: metrics, health and status, for those who look. Nothing that it does changes anything.
//!
//! - [`serve`]: binds, and answers from a thread of its own until the [`Server`] is dropped;
//! - `address`: where to listen, from what people write;
//! - [`WholeJob`]: whoever knows how far the whole job is;
//! - `routes`: the answers.

mod address;
mod job;
mod routes;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, rt, web};

pub use self::job::{AskJob, NotKnown, Seen, WholeJob};
use crate::board::Board;
use crate::metrics::Metrics;

/// Connections at once: a scraper, the kubelet's probes, an operator and some people. Others wait.
const CONNECTIONS: usize = 32;

/// Time for a request to come in whole, and for the next one on the same connection. It is short so that nobody can hold
/// all connections by doing nothing; scrapers connect anew for each scrape, which costs next to nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time for a client to close its side. As [`PATIENCE`], with nothing left to say.
const CLOSING: Duration = Duration::from_secs(1);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// It is not clear where to listen.
    #[error(
        "`{address}` is no address to listen on: write 9090 for this machine alone, 0.0.0.0:9090 to let others in, or another HOST:PORT"
    )]
    Address {
        /// What was written.
        address: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The operating system does not let us listen there.
    #[error("cannot listen on {address}: {advice}")]
    Bind {
        /// What was written.
        address: String,
        /// What to do.
        advice: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The server's thread could not be started.
    #[error("the HTTP server could not be started")]
    Start(#[source] io::Error),
}

/// A server that runs; it stops when this is dropped, and does not wait for clients.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Where it listens, with the port that it got where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent at once; what is returned only waits for its end, and so does the thread.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // It has said why, if it did not end well.
            let _ = thread.join();
        }
    }
}

/// Listens on `address`: `HOST:PORT`, or a port as `9090` or `:9090`, which means this machine alone; for all interfaces
/// write `0.0.0.0:9090` or `[::]:9090`. Port 0 takes any that is free. There is neither encryption nor a password, and
/// `/status` and `/job` show files' names: whoever reaches the port may look.
///
/// # Errors
/// [`HttpError`], at once, when it cannot listen there.
pub fn serve(
    address: &str,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    job: Arc<WholeJob>,
) -> Result<Server, HttpError> {
    let listener = address::listen(address)?;
    let bound = listener.local_addr().map_err(HttpError::Start)?;
    let (tell, told) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || {
            if let Err(error) = rt::System::new().block_on(run(listener, metrics, board, job, &tell)) {
                tracing::error!(%error, "the HTTP server has failed");
            }
        })
        .map_err(HttpError::Start)?;
    // Without a word the thread has died, and said why.
    let handle = told.recv().map_err(|_| HttpError::Start(io::Error::other("its thread has died")))?;
    Ok(Server { address: bound, handle, thread: Some(thread) })
}

async fn run(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    job: Arc<WholeJob>,
    tell: &mpsc::Sender<ServerHandle>,
) -> io::Result<()> {
    let (metrics, board, job) = (web::Data::from(metrics), web::Data::from(board), web::Data::from(job));
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(board.clone())
            .app_data(job.clone())
            .wrap(routes::headers())
            .configure(routes::configure)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .worker_max_blocking_threads(1)
        .max_connections(CONNECTIONS)
        .keep_alive(PATIENCE)
        .client_request_timeout(PATIENCE)
        .client_disconnect_timeout(CLOSING)
        // Signals are the supervisor's.
        .disable_signals()
        .listen(listener)?
        .run();
    // Whoever asked may be gone: then so is the server, soon.
    let _ = tell.send(server.handle());
    server.await
}

#[cfg(test)]
mod tests;
