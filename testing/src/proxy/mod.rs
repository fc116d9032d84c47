//! Fault-injecting proxy in front of an S3 server: lost requests, lost responses, false refusals, truncated
//! bodies, delays.
//!
//! HTTP/1.1, streaming in both directions. Headers stay unchanged, including `Host`, because requests are
//! signed.

mod fault;
mod serve;
mod sign;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::{HeaderMap, Method, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use self::fault::Draw;
pub use self::fault::{Fault, Faults};
pub use self::sign::{SignError, Signer};

/// Counters of the proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests received.
    pub requests: u64,
    /// Requests forwarded to the server.
    pub forwarded: u64,
    /// Requests whose conditions were removed.
    pub conditions_dropped: u64,
    /// Injected faults by kind; those that never occurred are absent.
    pub faults: BTreeMap<Fault, u64>,
}

/// Running proxy, on its own thread because tests may be synchronous. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// Error of starting a proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The target is not the address of a server.
    #[error("{0:?} is not an address of the form http://HOST:PORT")]
    Target(String),
    /// The proxy cannot listen or start its thread.
    #[error("failed to start the proxy: {0}")]
    Start(#[from] io::Error),
}

#[derive(Debug)]
struct Shared {
    target: Uri,
    forwarder: serve::Forwarder,
    draw: Mutex<Draw>,
    counts: Mutex<Counts>,
    signer: Mutex<Option<Signer>>,
    frozen: watch::Sender<bool>,
}

impl Proxy {
    /// Starts a proxy on a free port of the loopback, in front of `target` (such as
    /// `http://127.0.0.1:7070`).
    ///
    /// # Errors
    /// The proxy cannot be started.
    pub fn start(target: &str, seed: u64, faults: Faults) -> Result<Self, ProxyError> {
        let uri: Uri = target.parse().map_err(|_| ProxyError::Target(target.to_owned()))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            return Err(ProxyError::Target(target.to_owned()));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let shared = Arc::new(Shared {
            target: uri,
            forwarder: Client::builder(TokioExecutor::new()).http1_preserve_header_case(true).build_http(),
            draw: Mutex::new(Draw::new(seed, faults)),
            counts: Mutex::default(),
            signer: Mutex::default(),
            frozen: watch::Sender::new(false),
        });
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        runtime.spawn(accept(Arc::clone(&shared), listener));
        Ok(Self { address, shared, runtime: Some(runtime) })
    }

    /// Address: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Counters so far.
    pub fn counts(&self) -> Counts {
        lock(&self.shared.counts).clone()
    }

    /// Changes the faults. The random sequence continues where it is.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.shared.draw).faults = faults;
    }

    /// Removes the conditions of writes, like a store that does not support them. Requests whose conditions
    /// were signed are signed again. `None` leaves conditions alone.
    pub fn ignore_conditions(&self, signer: Option<Signer>) {
        *lock(&self.shared.signer) = signer;
    }

    /// Stops forwarding: requests wait, as in a network outage.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// Resumes forwarding, with the waiting requests first.
    pub fn thaw(&self) {
        self.shared.frozen.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A plain drop would block, which asynchronous tests must not do.
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn draw(&self, method: &Method, headers: &HeaderMap) -> (Option<Fault>, Faults) {
        let mut draw = lock(&self.draw);
        let fault = draw.next(method, headers);
        self.count(|counts| {
            counts.requests += 1;
            if let Some(fault) = fault {
                *counts.faults.entry(fault).or_default() += 1;
            }
        });
        (fault, draw.faults.clone())
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut lock(&self.counts));
    }

    fn ignores_conditions(&self) -> Option<Signer> {
        lock(&self.signer).clone()
    }

    async fn thawed(&self) {
        // The sender lives as long as `self`.
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        // A connection that closes before it is accepted does not affect the others.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve::connection(Arc::clone(&shared), stream));
        }
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is complete, so a thread that panicked has left no partial state.
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
