//! Status of a pod, as a kubelet reports it. No I/O.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::script::Exit;

/// Container that runs the script; the first one if no container has this name.
const MAIN: &str = "worker";
/// Bytes that a kubelet keeps of a termination message, from its end.
const MESSAGE: usize = 4096;

/// A started pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lived<'a> {
    pub(super) pod: &'a Pod,
    pub(super) address: IpAddr,
    pub(super) started: Timestamp,
}

/// Whether a pod is ready as soon as it runs: none of its containers has a readiness probe.
pub(super) fn ready_at_once(pod: &Pod) -> bool {
    containers(pod).iter().all(|container| container.readiness_probe.is_none())
}

/// Whether the pod has already ended.
pub(super) fn ended_before(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

impl Lived<'_> {
    /// Patch for a pod that runs, and is ready or not ready since `since`.
    pub(super) fn running(&self, ready: bool, since: Timestamp) -> Value {
        let state = json!({ "running": { "startedAt": Time(self.started) } });
        let statuses = self.statuses(ready, |_main| state.clone());
        self.patch("Running", self.conditions(ready, since, None), statuses)
    }

    /// Patch for a pod whose main container has just ended with `exit`. The others succeed at the same time.
    pub(super) fn ended(&self, exit: &Exit, now: Timestamp) -> Value {
        let phase = if exit.code == 0 { "Succeeded" } else { "Failed" };
        let reason = if exit.code == 0 { "PodCompleted" } else { "PodFailed" };
        let well = Exit::code(0);
        let statuses = self.statuses(false, |main| self.terminated(if main { exit } else { &well }, now));
        self.patch(phase, self.conditions(false, now, Some(reason)), statuses)
    }

    fn terminated(&self, exit: &Exit, now: Timestamp) -> Value {
        json!({ "terminated": {
            "exitCode": exit.code,
            "reason": exit.reason,
            "message": tail(&exit.message),
            "startedAt": Time(self.started),
            "finishedAt": Time(now),
            "containerID": self.container_id(),
        } })
    }

    fn patch(&self, phase: &str, conditions: Value, statuses: Vec<Value>) -> Value {
        json!({
            // The patch is refused if another pod has the name by now.
            "metadata": { "uid": self.pod.metadata.uid },
            "status": {
                "phase": phase,
                "hostIP": "127.0.0.1",
                "podIP": self.address,
                "podIPs": [{ "ip": self.address }],
                "startTime": Time(self.started),
                "conditions": conditions,
                "containerStatuses": statuses,
                "initContainerStatuses": self.init_statuses(),
            },
        })
    }

    /// Conditions that a kubelet sets: the patch merges them by type with those of others.
    fn conditions(&self, ready: bool, since: Timestamp, reason: Option<&str>) -> Value {
        let condition = |kind: &str, holds: bool, since: Timestamp, reason: Option<&str>| {
            let holds = if holds { "True" } else { "False" };
            json!({ "type": kind, "status": holds, "reason": reason, "lastTransitionTime": Time(since) })
        };
        let unready = reason.or((!ready).then_some("ContainersNotReady"));
        json!([
            condition("PodReadyToStartContainers", reason.is_none(), self.started, None),
            condition("Initialized", true, self.started, reason.filter(|reason| *reason == "PodCompleted")),
            condition("ContainersReady", ready, since, unready),
            condition("Ready", ready, since, unready),
        ])
    }

    fn statuses(&self, ready: bool, state: impl Fn(bool) -> Value) -> Vec<Value> {
        let containers = containers(self.pod);
        let main = containers.iter().position(|container| container.name == MAIN).unwrap_or(0);
        let status = |(at, container)| self.status(container, ready, state(at == main));
        containers.iter().enumerate().map(status).collect()
    }

    /// Statuses of init containers, which completed before the script began.
    fn init_statuses(&self) -> Vec<Value> {
        let containers = self.pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref());
        let state = self.terminated(&Exit::code(0), self.started);
        containers
            .unwrap_or_default()
            .iter()
            .map(|container| self.status(container, true, state.clone()))
            .collect()
    }

    fn status(&self, container: &Container, ready: bool, state: Value) -> Value {
        let image = container.image.as_deref().unwrap_or_default();
        json!({
            "name": container.name,
            "image": image,
            "imageID": image,
            "containerID": self.container_id(),
            "ready": ready,
            "started": state.get("running").is_some(),
            "restartCount": 0,
            "state": state,
        })
    }

    fn container_id(&self) -> String {
        format!("fake://{}", self.pod.metadata.uid.as_deref().unwrap_or_default())
    }
}

fn containers(pod: &Pod) -> &[Container] {
    pod.spec.as_ref().map_or(&[], |spec| &spec.containers)
}

fn tail(message: &str) -> &str {
    let mut from = message.len().saturating_sub(MESSAGE);
    while !message.is_char_boundary(from) {
        from += 1;
    }
    &message[from..]
}
