//! The kubelet's part: starts pods that the scheduler binds to the node, stops deleted ones, and reports
//! their status.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::address;
use super::script::{Exit, PodScript, Running};
use super::status::{Lived, ended_before, ready_at_once};

/// Interval between two attempts to reach an API server that does not answer.
const RETRY: Duration = Duration::from_millis(100);

/// Serves the pods of `namespace` on `node` until the future is dropped.
pub(super) async fn serve(client: Client, namespace: String, node: String, script: Arc<dyn PodScript>) {
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let config = watcher::Config::default().fields(&format!("spec.nodeName={node}"));
    let mut events = watcher(pods.clone(), config).backoff(Steady).boxed();
    let mut kept: HashMap<String, Served> = HashMap::new();
    let mut listed = HashSet::new();
    // An error means that the server does not answer; the watcher retries.
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(pod)) => see(&mut kept, &pods, &script, pod),
            Ok(watcher::Event::Delete(pod)) => drop(kept.remove(&uid(&pod))),
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(pod)) => {
                listed.insert(uid(&pod));
                see(&mut kept, &pods, &script, pod);
            }
            Ok(watcher::Event::InitDone) => kept.retain(|uid, _| listed.contains(uid)),
            Err(_) => {}
        }
    }
}

fn see(kept: &mut HashMap<String, Served>, pods: &Api<Pod>, script: &Arc<dyn PodScript>, pod: Pod) {
    let grace = pod.metadata.deletion_timestamp.as_ref().map(|_| {
        pod.metadata.deletion_grace_period_seconds.and_then(|grace| grace.try_into().ok()).unwrap_or(0)
    });
    let served = kept.entry(uid(&pod)).or_insert_with(|| {
        let (deleted, seen) = watch::channel(None);
        let task = tokio::spawn(live(pods.clone(), Arc::clone(script), pod, seen));
        Served { deleted, task: task.abort_handle() }
    });
    if grace.is_some() {
        served.deleted.send_if_modified(|told| std::mem::replace(told, grace) != grace);
    }
}

fn uid(pod: &Pod) -> String {
    pod.uid().unwrap_or_default()
}

/// Pod on the node. Dropping it stops its script.
struct Served {
    deleted: watch::Sender<Option<u64>>,
    task: AbortHandle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lifetime of a pod, until its deletion.
async fn live(
    pods: Api<Pod>,
    script: Arc<dyn PodScript>,
    pod: Pod,
    mut deleted: watch::Receiver<Option<u64>>,
) {
    if !ended_before(&pod) {
        let lived = Lived { pod: &pod, address: address::next(), started: Timestamp::now() };
        let Some(exit) = run(&pods, script.as_ref(), &lived, deleted.clone()).await else { return };
        if !say(&pods, &pod, lived.ended(&exit, Timestamp::now())).await {
            return;
        }
    }
    if deleted.wait_for(Option::is_some).await.is_ok() {
        delete(&pods, &pod).await;
    }
}

/// Runs the script to its end, or kills it; returns nothing if the pod has gone.
async fn run(
    pods: &Api<Pod>,
    script: &dyn PodScript,
    lived: &Lived<'_>,
    mut deleted: watch::Receiver<Option<u64>>,
) -> Option<Exit> {
    let mut ready = ready_at_once(lived.pod);
    let (sender, mut readiness) = watch::channel(ready);
    let running = Running { address: lived.address, ready: sender.clone(), deleted: deleted.clone() };
    if !say(pods, lived.pod, lived.running(ready, lived.started)).await {
        return None;
    }
    let script = async { script.start(lived.pod, running).await };
    let mut script = Box::pin(AssertUnwindSafe(script).catch_unwind());
    let mut told = None;
    loop {
        let grace = *deleted.borrow_and_update();
        let kill = grace.map(|grace| *told.get_or_insert_with(Instant::now) + Duration::from_secs(grace));
        tokio::select! {
            exit = &mut script => {
                return Some(exit.unwrap_or_else(|_| Exit::code(101).message("the script panicked")));
            }
            () = until(kill) => return Some(Exit::killed()),
            Ok(()) = deleted.changed() => {}
            Ok(()) = readiness.changed() => {
                let now = *readiness.borrow_and_update();
                if now != ready {
                    ready = now;
                    say(pods, lived.pod, lived.running(ready, Timestamp::now())).await;
                }
            }
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Writes the status; returns false if the pod has gone.
async fn say(pods: &Api<Pod>, pod: &Pod, patch: Value) -> bool {
    loop {
        let params = PatchParams::default();
        match pods.patch_status(&pod.name_any(), &params, &Patch::Strategic(&patch)).await {
            Ok(_) => return true,
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return false,
            Err(kube::Error::Api(status)) if status.code == 422 => {
                eprintln!(
                    "fake node: the API server refuses the status of {}: {}",
                    pod.name_any(),
                    status.message
                );
                return false;
            }
            Err(_) => sleep(RETRY).await,
        }
    }
}

/// Reports that nothing of the pod is left, so that the API server removes it.
async fn delete(pods: &Api<Pod>, pod: &Pod) {
    let preconditions = Preconditions { uid: pod.uid(), resource_version: None };
    let params = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    loop {
        match pods.delete(&pod.name_any(), &params).await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return,
            Err(_) => sleep(RETRY).await,
        }
    }
}

/// Backoff with a constant interval: tests wait for it, and have the API server to themselves.
struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(RETRY)
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}
