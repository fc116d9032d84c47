//! Scripts of the `worker` container of a pod on a fake node.

use std::net::IpAddr;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;

/// Behaviour of the `worker` container of each pod. Closures implement it: `|pod: Pod, running: Running|
/// async move { Exit::code(0) }`.
pub trait PodScript: Send + Sync + 'static {
    /// Called when the pod starts to run. The container ends when the future completes or panics. The future
    /// is dropped when the container is killed: at the end of a deleted pod's grace period, when the pod has
    /// gone, and with its node.
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

/// A script's handle to its running pod.
#[derive(Clone, Debug)]
pub struct Running {
    pub(super) address: IpAddr,
    pub(super) ready: watch::Sender<bool>,
    /// Grace period in seconds, once the pod is to end.
    pub(super) deleted: watch::Receiver<Option<u64>>,
}

impl Running {
    /// Address of the pod: one of the loopback that no other pod has, and on which a server can listen.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Sets the pod's readiness. A pod with a readiness probe is not ready until this is called; any other is
    /// ready at once.
    pub fn set_ready(&self, ready: bool) {
        self.ready.send_replace(ready);
    }

    /// Completes when the pod is to end, as SIGTERM tells a process.
    pub async fn terminated(&self) {
        // The sender goes only when this future is dropped as well.
        let _ = self.deleted.clone().wait_for(Option::is_some).await;
    }
}

/// Result of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code.
    pub code: i32,
    /// Reason: `Completed`, `Error`, `OOMKilled`.
    pub reason: String,
    /// Termination message.
    pub message: String,
}

impl Exit {
    /// Exit with this code, and no message.
    pub fn code(code: i32) -> Self {
        let reason = if code == 0 { "Completed" } else { "Error" };
        Self { code, reason: reason.to_owned(), message: String::new() }
    }

    /// Exit by SIGKILL.
    pub fn killed() -> Self {
        Self::code(137)
    }

    /// Exit by the OOM killer.
    pub fn oom_killed() -> Self {
        Self { reason: "OOMKilled".to_owned(), ..Self::killed() }
    }

    /// Sets the termination message.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }
}
