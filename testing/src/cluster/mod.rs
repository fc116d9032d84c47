//! A real Kubernetes control plane: etcd, the API server, the controllers and the scheduler, without any
//! node.
//!
//! It listens on the loopback only, needs no root, and ends with its owner, even if the owner is killed.
//! [`FakeNode`] takes the place of a kubelet: the pods that the real scheduler binds to it run a script of
//! the test.
//!
//! Calls block, except those of a script's [`Running`]. A node has its own threads, so that a single-threaded
//! test can wait for what its node does.
//!
//! ```no_run
//! use k8s_openapi::api::core::v1::Pod;
//! use verbatim_testing::cluster::{self, Exit, FakeNode, NodeOptions, Running};
//!
//! let cluster = cluster::shared();
//! let namespace = cluster.namespace("example")?;
//! let script = |_pod: Pod, running: Running| async move {
//!     running.terminated().await;
//!     Exit::code(0)
//! };
//! let node = FakeNode::start(&namespace, NodeOptions::default(), script)?;
//! namespace.kubectl(&["create", "job", "worker", "--image=verbatim"])?;
//! # Ok::<(), cluster::Error>(())
//! ```

mod access;
mod audit;
mod control_plane;
mod credentials;
mod error;
mod folder;
mod namespace;
pub mod node;
mod port;
mod programs;

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use rand::TryRng as _;
use rand::rngs::SysRng;

pub use self::access::client;
pub use self::audit::Request;
pub use self::control_plane::ControlPlane;
pub use self::error::Error;
pub use self::namespace::Namespace;
pub use self::node::{Exit, FakeNode, NodeOptions, PodScript, Running};

/// The control plane shared by the tests of this process, for those that leave it as they found it.
/// Namespaces isolate them from each other. A test that stops the API server starts its own control plane.
///
/// # Panics
/// The control plane does not start, so that no test of this process can run.
pub fn shared() -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| ControlPlane::start().unwrap_or_else(|error| panic!("no control plane: {error}")))
}

/// Version of Kubernetes from which the programs are built, such as `v1.34.4`.
pub fn version() -> &'static str {
    let module = include_str!("../../tools/kubernetes/go.mod");
    // Never empty: without the line, the programs could not have been built.
    module
        .lines()
        .find_map(|line| line.strip_prefix("require k8s.io/kubernetes "))
        .and_then(|version| version.split_whitespace().next())
        .unwrap_or_default()
}

/// Random number that cannot be guessed or drawn twice.
fn random() -> io::Result<u64> {
    SysRng.try_next_u64().map_err(io::Error::other)
}

/// Runs `future` to completion on a new thread with its own runtime, so that the caller may itself be a task.
fn wait_for<T: Send>(future: impl Future<Output = T> + Send) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::scope(|scope| {
        // The thread panics only if the future does.
        scope.spawn(move || runtime.block_on(future)).join().map_err(|_| io::Error::other("it panicked"))
    })
}

/// Runs `future` for at most `limit`, for best-effort work.
async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}
