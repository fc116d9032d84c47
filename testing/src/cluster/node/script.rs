//! What the `worker` container of a pod does on a fake node.

use std::net::IpAddr;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;

/// What the `worker` container of each pod does. Closures are such scripts:
/// `|pod: Pod, running: Running| async move { Exit::code(0) }`.
pub trait PodScript: Send + Sync + 'static {
    /// Begins when the pod runs. The container ends when the future does, or panics. It is dropped when the
    /// container is killed: at the end of a deleted pod's grace period, when the pod is gone, and with its
    /// node.
    fn start(&self, pod: &Pod, running: Running) -> BoxFuture<'static, Exit>;
}

impl<F, E> PodScript for F
where
    F: Fn(Pod, Running) -> E + Send + Sync + 'static,
    E: Future<Output = Exit> + Send + 'static,
{
    fn start(&self, pod: &Pod, running: Running) -> BoxFuture<'static, Exit> {
        Box::pin(self(pod.clone(), running))
    }
}

/// A script's side of a pod that runs.
#[derive(Clone, Debug)]
pub struct Running {
    pub(super) address: IpAddr,
    pub(super) ready: watch::Sender<bool>,
    /// How many seconds of grace there are, once the pod is to end.
    pub(super) deleted: watch::Receiver<Option<u64>>,
}

impl Running {
    /// The pod's address: one of the loopback that no other pod has, and that a server can listen on.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Says whether the pod is ready. One with a readiness probe is not, until this is called; another is at
    /// once.
    pub fn set_ready(&self, ready: bool) {
        self.ready.send_replace(ready);
    }

    /// Returns when the pod is to end, as SIGTERM says it to a process.
    pub async fn terminated(&self) {
        // The other side is gone only when this future is dropped as well.
        let _ = self.deleted.clone().wait_for(Option::is_some).await;
    }
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code.
    pub code: i32,
    /// The reason: `Completed`, `Error`, `OOMKilled`.
    pub reason: String,
    /// Its termination message.
    pub message: String,
}

impl Exit {
    /// It ended with this code, and no message.
    pub fn code(code: i32) -> Self {
        let reason = if code == 0 { "Completed" } else { "Error" };
        Self { code, reason: reason.to_owned(), message: String::new() }
    }

    /// It was killed by SIGKILL.
    pub fn killed() -> Self {
        Self::code(137)
    }

    /// It was killed for its memory.
    pub fn oom_killed() -> Self {
        Self { reason: "OOMKilled".to_owned(), ..Self::killed() }
    }

    /// The same with this termination message.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }
}
